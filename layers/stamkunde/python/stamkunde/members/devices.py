"""The devices on which a club's cards are open: opening, recognising, listing, removing."""

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.access_store import AccessStore
from stamkunde.members.codes import Challenge
from stamkunde.members.consents import Caller
from stamkunde.members.device import (
    MOST_DEVICES,
    USE_NOTED_AFTER,
    Device,
    device_label,
    device_token,
    parse_device_token,
)
from stamkunde.members.model import Member
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed, Write


class Devices(Struct, frozen=True):
    """One club's opened devices."""

    club: Club
    store: AccessStore
    clock: Clock
    patience: Patience

    def open(
        self, challenge: Challenge, member: Member, caller: Caller, present: str = ""
    ) -> tuple[str, list[Write]]:
        """The token of a new device, and what makes it one: for the transaction that uses the challenge.

        Parameters
        ----------
        present
            The token that the browser keeps so far: it is the same device, so it leaves no other behind.
        """
        now = self.clock.now()
        replaced = parse_device_token(present)
        token = device_token(self.club.signing_keys[0], challenge.challenge_id, member.member_id)
        label = device_label(caller.user_agent)
        device = Device(token.device_id, member.member_id, label, opened_at=now, used_at=now)
        known = sorted(self.store.devices(member.member_id), key=lambda each: each.used_at, reverse=True)
        others = [each for each in known if replaced is None or each.device_id != replaced.device_id]
        kept = [each for each in others if not each.is_over(now)][: MOST_DEVICES - 1]
        leaving = [self.store.device_removal(each) for each in known if each not in kept]
        return str(token), [self.store.device_write(device), *leaving]

    def opened_by(self, challenge: Challenge, member_id: str) -> str | None:
        """The token that a challenge opened which a member used, as long as its device is still there."""
        if not challenge.was_used_by(member_id):
            return None
        for key in self.club.signing_keys:
            token = device_token(key, challenge.challenge_id, member_id)
            if self.find(str(token)) is not None:
                return str(token)
        return None

    def find(self, token: str) -> Device | None:
        """The device that keeps this token, with the member whose card it may show; None if it is to enter a code."""
        parsed = parse_device_token(token)
        if parsed is None:
            return None
        device = self.store.find_device(parsed.member_id, parsed.device_id)
        return device if device is not None and not device.is_over(self.clock.now()) else None

    def note_use(self, device: Device) -> None:
        """Have a device last 180 days from now; at most once a day, and only where something is written anyway."""
        now = self.clock.now()
        if now < device.used_at + USE_NOTED_AFTER:
            return
        try:
            self.store.commit([self.store.device_used_write(device, now)])
        except (Busy, ConditionFailed):
            # Its member is doing something else with it just now, or has removed it: nothing is lost either way.
            return

    def remove(self, member_id: str, device_ids: frozenset[str]) -> None:
        """Close a member's card on these devices; those that are gone already stay gone.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_remove(member_id, device_ids))

    def _try_to_remove(self, member_id: str, device_ids: frozenset[str]) -> None:
        leaving = [each for each in self.store.devices(member_id) if each.device_id in device_ids]
        if not leaving:
            return
        try:
            self.store.commit([self.store.device_removal(each) for each in leaving])
        except ConditionFailed as failed:
            raise Busy from failed

    def list(self, member_id: str) -> list[Device]:
        """A member's devices, the last used first."""
        now = self.clock.now()
        alive = [each for each in self.store.devices(member_id) if not each.is_over(now)]
        return sorted(alive, key=lambda each: each.used_at, reverse=True)
