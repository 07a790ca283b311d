"""What the commands about the life of development databases print, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.cli.output import size

if TYPE_CHECKING:
    from penstock.devdb.drift import Drift
    from penstock.devdb.lifecycle.copies import Copied
    from penstock.devdb.lifecycle.reset import Reset


def copied(made: Copied) -> str:
    """What `create --from-template` says in the end."""
    return "\n".join(
        [
            f"created: database {made.database}, a copy of {made.template} (made {made.template_made_at})",
            f"  {made.rows:,} rows, {size(made.size_bytes)}, {made.seconds:.1f} s",
            f"  of them {made.copy_seconds:.1f} s for the files ({made.how})",
            f"  manifest: {made.manifest_path}",
        ]
    )


def reset(done: Reset) -> str:
    """What `reset` says in the end."""
    source = f"from the template made {done.template_made_at}" if done.template_made_at else "from production"
    lines = [
        f"reset: database {done.database}, {source}"
        + (", which was rebuilt" if done.rebuilt_template else ""),
        f"  {done.rows:,} rows, {done.seconds:.1f} s",
        *(f"  kept: {item}" for item in done.kept),
        *(f"  lost: {item}" for item in done.lost),
        *(f"  note: {item}" for item in done.notes),
        *(f"  disconnected: {item}" for item in done.disconnected),
        f"  manifest: {done.manifest_path}",
    ]
    return "\n".join(lines)


def drift(found: Drift) -> str:
    """Production's changes, then what they ask of masks.toml."""
    lines = [
        f"{found.database}, made {found.made_at[:16]}, and production now: {len(found.changes)} differences"
    ]
    for change in found.changes:
        types = " → ".join(filter(None, (change.before, change.now)))
        lines.append(f"  {change.kind}: {change.subject}" + (f"  {types}" if types else ""))
    if found.rules:
        lines.append(f"  [devdb.{found.name}] cannot be followed any more: {found.rules}")
    for title, items in (
        (
            "undecided, so that a refresh will refuse",
            [f"{c}   {hint}".rstrip() for c, hint in found.undecided],
        ),
        ("lines of masks.toml without a column", found.stale),
        ("masks that fit no longer", found.violations),
    ):
        if items:
            lines += [f"  {title}", *(f"    {item}" for item in items)]
    if found.drifted:
        lines.append(f"Next: {found.made_anew_by}")
    return "\n".join(lines)
