"""Which words speak of people, places, things and records: the background knowledge that several rules share."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PEOPLE = word_set(
    """
    person customer client user account member employee staff contact patient candidate applicant
    teacher student pupil subscriber guest passenger driver author owner recipient sender attendee
    participant visitor lead prospect referrer referee beneficiary cardholder tenant resident citizen
    voter donor borrower insured claimant agent manager supervisor worker operator administrator admin
    profile identity referral doctor nurse lawyer actor artist player buyer seller vendor supplier
    holder payer payee signatory witness child parent spouse household respondent physician practitioner
    consumer caller assignee reporter reviewer
    """
)

# A table of these with a `name` names no person.
THINGS = word_set(
    """
    product item article category film movie track album song genre language currency status type kind
    media playlist role permission tag label group team department country city state region county
    province district territory continent timezone locale unit color colour size brand model material
    warehouse plan price tax rate discount coupon promotion method channel campaign report
    setting config configuration feature flag option version migration job queue task schedule cron
    template theme page menu layout translation skill course subject class classification taxonomy
    attribute property nomenclature level grade rank priority severity reason code segment tier edition
    format extension component module service qualification school provider institution university book
    title publication station airport vehicle device sensor asset inventory store shop event sku catalog
    catalogue collection level stage step state
    """
)

# Things that people make for themselves and call as they like: a tag `call Ana back`, a device `Ana's phone`.
OWN_THINGS = word_set(
    """
    tag label group team device asset vehicle collection playlist event task job schedule report campaign
    page template
    """
)

# Things that are described for everybody to read.
CATALOGUE = word_set(
    """
    product article category film movie track album song genre brand model material tax rate unit size
    course skill subject book publication sku catalog catalogue currency language country
    """
)

# Lists of the world that everybody has: their names are nobody's.
NOMENCLATURE = word_set(
    """
    country city state region county province district territory continent language currency category
    genre type status kind media timezone locale unit color colour size brand role permission
    department tax rate classification nomenclature level grade rank priority severity reason tier
    format plan
    """
)

ORGANISATIONS = word_set(
    """
    company organisation organization employer business firm merchant vendor supplier shipper carrier
    partner agency manufacturer corporation enterprise distributor bank
    """
)

PLACES = frozenset(["address", "location", "venue", "place", "residence", "site", "shipment", "delivery"])

RECORDS = word_set(
    """
    audit change history log event trail changelog revision snapshot outbox archive
    """
)

# Words at the end of a name that say nothing about what the value is.
_TAILS = word_set(
    """
    value text string original raw normalized normalised canonical encrypted secondary primary alternate
    alternative old new current previous latest last default confirmation unconfirmed string field s
    """
)


def without_tail(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words up to and with the one that says what the value is: `email_normalized` is an email."""
    while len(words) > 1 and words[-1] in _TAILS:
        words = words[:-1]
    return words
