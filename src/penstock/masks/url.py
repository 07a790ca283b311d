"""`url`: another address of the same structure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from penstock.catalog.types import Family
from penstock.detect.spans import Texts
from penstock.masks.build import build
from penstock.masks.contract import Contract, Input, Mask, Site, Uniqueness
from penstock.masks.parts.segments import masked_segments, path_segments, pseudonyms, segments

_SCHEMES = (
    "amqp amqps cid data file ftp ftps geo git gs http https imap imaps jdbc ldap ldaps magnet mailto mongodb mysql "
    "nfs postgres postgresql redis rediss rtmp rtsp s3 s3a sftp sip sips smb sms smtp ssh svn tel urn ws wss xmpp"
)
_PARTS = (
    rf"(?s)^(?P<scheme>(?:(?i:{'|'.join(_SCHEMES.split())}):)?)(?P<slashes>(?://)?)"
    r"(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>(?:\?[^#]*)?)(?P<fragment>(?:#.*)?)$"
)
_AUTHORITY = r"(?s)^(?P<user>(?:.*@)?)(?P<host>(?:\[[^\]]*\]|[^:]*))(?P<port>(?::[0-9]{1,5})?)(?P<rest>.*)$"
_KEY = r"^[A-Za-z_][A-Za-z0-9_.\[\]-]{0,31}$"
_HOST_ENDING = ".example"  # RFC 2606: nobody's


class Url(Mask):
    """Scheme, slashes, port, names of query parameters and the file type stay; all else becomes pseudonyms.

    The host becomes one label under `.example`, where no request ever arrives. Whatever is no address at all loses
    everything but its separators.
    """

    name = "url"
    summary = "an address of the same structure; host, path and query values masked"
    example = (
        "https://shop.example/u/ana?ref=mail",
        "https://<pseudonym>.example/<pseudonym>/<pseudonym>?ref=<pseudonym>",
    )
    families = frozenset({Family.TEXT})
    default_domain = "url"

    def setup(self) -> None:
        self._prf = self.keys.prf(self.domain, "url")
        self._host_prf = self.keys.prf(self.domain, "url host")
        self._text = build("text", Site(Family.TEXT, max_length=self.site.max_length), self.keys)

    def contract(self) -> Contract:
        return Contract(
            Uniqueness.LIKELY,
            self._text.contract().codomain,
            max_length=self.site.max_length,
            keeps_format=True,
            collision_bits=min(60, self._text.contract().collision_bits),
        )

    def apply(self, values: pa.Array, inputs: Mapping[Input, pa.Array] | None = None) -> pa.Array:
        parts = pc.extract_regex(values.fill_null(""), pattern=_PARTS)
        part = {
            name: pc.struct_field(parts, name)
            for name in ("scheme", "slashes", "authority", "path", "query", "fragment")
        }
        has_host = pc.not_equal(part["slashes"], "")
        nothing = pa.scalar("", pa.large_string())
        # Without slashes what looks like an authority begins the path (mailto:, tel:, relative addresses).
        path = _joined(pc.if_else(has_host, nothing, part["authority"]), part["path"])
        masked = _joined(
            part["scheme"],
            part["slashes"],
            self._authority(pc.if_else(has_host, part["authority"], nothing)),
            self._path(path),
            self._query(part["query"]),
            self._segments(part["fragment"], b"#/?&=:;,@"),
        )
        room = self.site.max_length
        if room is None:
            return masked
        return pc.if_else(pc.less_equal(pc.utf8_length(masked), room), masked, self._text.mask(values))

    def _authority(self, values: pa.Array) -> pa.Array:
        parts = pc.extract_regex(values, pattern=_AUTHORITY)
        user, host, port, rest = (pc.struct_field(parts, name) for name in ("user", "host", "port", "rest"))
        made = _joined(pseudonyms(self._host_prf, host), pa.scalar(_HOST_ENDING, pa.large_string()))
        host = pc.if_else(pc.equal(host, ""), host, made)
        return _joined(self._segments(user, b"@:"), host, port, self._segments(rest, b"@:"))

    def _path(self, values: pa.Array) -> pa.Array:
        texts = Texts.of(values)
        return masked_segments(self._prf, texts, path_segments(texts, b"/\\:@"))

    def _query(self, values: pa.Array) -> pa.Array:
        """Values masked; a name before an equals sign stays where it looks like a name."""
        texts = Texts.of(values)
        spans = segments(texts, b"?&;=")
        following = np.append(texts.data, np.uint8(0))[spans.ends]
        same_row = spans.ends < texts.offsets[texts.rows(spans.starts) + 1]
        looks = pc.match_substring_regex(texts.slices(spans.starts, spans.ends), _KEY).to_numpy(
            zero_copy_only=False
        )
        is_name = looks & same_row & (following == ord("="))
        # Only the first of a=b=c is a name.
        first = np.isin(np.append(texts.data, np.uint8(0))[spans.starts - 1], np.frombuffer(b"?&;", np.uint8))
        return masked_segments(self._prf, texts, spans.where(~(is_name & first)))

    def _segments(self, values: pa.Array, separators: bytes) -> pa.Array:
        texts = Texts.of(values)
        return masked_segments(self._prf, texts, segments(texts, separators))


def _joined(*parts: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))
