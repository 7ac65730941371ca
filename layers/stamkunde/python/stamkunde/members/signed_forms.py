"""Photos of signed forms: what the shop keeps on paper, beside the record of what was signed (feature 36)."""

from msgspec import Struct

from stamkunde.clubs.form_code import PrintedForm, read_form_code
from stamkunde.clubs.model import Club
from stamkunde.gateways.evidence_store import EvidenceStore
from stamkunde.gateways.tombstones import digest_of
from stamkunde.members.access_store import AccessStore
from stamkunde.members.consents import ConsentMethod, ConsentRecord
from stamkunde.members.store import MemberStore
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed

MEGABYTE = 1_000_000
LARGEST_PHOTO = 4 * MEGABYTE


class PhotoKind(Struct, frozen=True):
    """A kind of file that is taken: how it begins, how its name ends, what browsers call it."""

    first_bytes: bytes
    ending: str
    media_type: str


KINDS = (
    PhotoKind(b"\xff\xd8\xff", "jpg", "image/jpeg"),
    PhotoKind(b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    PhotoKind(b"%PDF-", "pdf", "application/pdf"),
)


class Attached(Struct, frozen=True):
    """The record that a photo was attached to, and the name under which it is kept."""

    record_id: str
    name: str


class SignedForms(Struct, frozen=True):
    """One club's signed forms."""

    club: Club
    members: MemberStore
    access: AccessStore
    evidence: EvidenceStore
    patience: Patience

    def attach(self, member_id: str, typed_code: str, photo: bytes) -> Attached:
        """Keep the photo of the form by which a member accepted the terms in the shop, once for each form.

        The file is kept first, under a name of its own: no other that is attached at the same time takes its place.
        What breaks in between is mended by attaching it again, and goes with the member at the latest.

        Raises
        ------
        Refusal
            ``unknown_member``, ``form_code_unknown``, ``photo_unusable``, ``no_signed_form``: the till told of no
            such form, or it is attached already. ``try_again``.
        """
        form = read_form_code(self.club, typed_code)
        kind = photo_kind(photo)
        return self.patience.until_done(lambda: self._try_to_attach(member_id, form, kind, photo))

    def _try_to_attach(self, member_id: str, form: PrintedForm, kind: PhotoKind, photo: bytes) -> Attached:
        if self.members.load(member_id, consistent=True) is None:
            raise Refusal("unknown_member", pointer="/member_id")
        record = self._record(member_id, form)
        of_record = f"{photos_of(self.club.club_id, member_id)}{record.record_id.replace('#', '-')}-"
        name = f"{of_record}{new_id('', 8)}.{kind.ending}"
        self.evidence.keep(name, photo, kind.media_type)
        try:
            self.access.commit([self.members.attachment_write(member_id, record, name)])
        except ConditionFailed as failed:
            self.evidence.remove(name)
            raise Busy from failed
        self.evidence.remove_all(of_record, but=name)
        return Attached(record.record_id, name)

    def _record(self, member_id: str, form: PrintedForm) -> ConsentRecord:
        """The newest record of a signed form with these terms, in this language, that has no photo yet."""
        for record in reversed(self.members.consent_records(member_id)):
            if record.attachment is None and _tells_of(record, form):
                return record
        raise Refusal("no_signed_form", pointer="/form_code")


def photos_of(club_id: str, member_id: str) -> str:
    """How the names of all photos of a member's forms begin, whether a record tells of them or not.

    The bucket remembers names for a month after their files are gone, so they don't hold the id.
    """
    return f"{club_id}/{digest_of(member_id)}/"


def _tells_of(record: ConsentRecord, form: PrintedForm) -> bool:
    """Whether somebody is on record as having signed that very form: a photo proves nothing but what is on it."""
    evidence, terms = record.evidence, record.terms
    return (
        evidence.method is ConsentMethod.SIGNED_FORM
        and evidence.language == form.language
        and terms is not None
        and terms.version == form.terms.version
        and terms.text_hash == form.terms.text_hash_in(form.language)
    )


def photo_kind(photo: bytes) -> PhotoKind:
    """What kind of file it is, by how it begins: names and senders say what they like.

    Raises
    ------
    Refusal
        ``photo_unusable``: another kind, or too large.
    """
    kind = next((each for each in KINDS if photo.startswith(each.first_bytes)), None)
    if kind is None or len(photo) > LARGEST_PHOTO:
        raise Refusal("photo_unusable", {"megabytes": LARGEST_PHOTO // MEGABYTE}, "/photo")
    return kind
