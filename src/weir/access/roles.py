"""Kinds of organisation, roles of people, and the rule for which of them may do an operation.

`own` names the kinds of organisation that may do it with their own objects, `every` the kinds that
may do it with all objects. The code of the operation then asks `Caller.reach` about one object; an
object out of reach does not exist for the caller. A person may only do operations whose `people`
include its role. An application acts in a role too: never in more than its registrant has now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

NOBODY: Final[frozenset[str]] = frozenset()
OPERATOR: Final = frozenset({"operator"})
MEMBER: Final = frozenset({"member"})
PARTIES: Final = frozenset({"member", "partner"})
ALL: Final = OPERATOR | PARTIES

# The roles of a person in its organisation, with their words as (English, Chinese).
OWNER: Final = "owner"
DEVELOPER: Final = "developer"
FINANCE: Final = "finance"
AUDITOR: Final = "auditor"
ROLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        OWNER: ("Owner: may do everything, people included", "所有者：可办理全部事项，含人员管理"),
        DEVELOPER: (
            "Developer: applications, certificates, documents, products, subscriptions",
            "开发者：管理应用、证书、接口文档、产品和订阅",
        ),
        FINANCE: (
            "Finance: agreements, statements, disputes, settlement",
            "财务：管理分润协议、对账单、争议和结算",
        ),
        AUDITOR: (
            "Auditor: reads everything, audit trail included, and changes nothing",
            "审计：可查看全部内容和审计日志，不能更改",
        ),
    }
)
OWNERS: Final = frozenset({OWNER})
BUILDERS: Final = frozenset({OWNER, DEVELOPER})
BOOKKEEPERS: Final = frozenset({OWNER, FINANCE})
AUDITORS: Final = frozenset({OWNER, AUDITOR})
READERS: Final = frozenset(ROLES)


# How far an application gets with an operation that the role it acts in permits: as far as that
# role, only as far as itself, or not at all.
Programs = Literal["yes", "itself", "no"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The permission of one operation.

    `own` and `every` are kinds of organisation, for their own or for all objects. A person needs
    one of the roles in `people`, and so does the person in whose name an application acts. A
    `fresh` operation asks a person to prove its identity again, unless it just did; as no
    application can, the rule says how far `programs` get with it. `signed` marks an operation that
    only an application may do, since it signs by its certificate. `by_link` marks an operation that
    a one-time link permits, `by_anyone` one that is open to all.
    """

    own: frozenset[str] = NOBODY
    every: frozenset[str] = NOBODY
    people: frozenset[str] = NOBODY
    fresh: bool = False
    programs: Programs | None = None
    signed: bool = False
    by_link: bool = False
    by_anyone: bool = False

    def __post_init__(self) -> None:
        assert not self.fresh or self.programs is not None, "a fresh operation speaks of programs"

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of organisation that may do the operation at all."""
        return self.own | self.every

    @property
    def needs_caller(self) -> bool:
        """Whether the caller must be identified."""
        return not (self.by_link or self.by_anyone)

    def permits(self, kind: str, role: str) -> bool:
        """Whether a person in this role, of an organisation of this kind, may do it at all."""
        return not self.signed and self._permits(kind, role)

    def permits_program(self, kind: str, role: str) -> bool:
        """Whether an application that acts in this role, of such an organisation, may do it."""
        return self.programs != "no" and self._permits(kind, role)

    def _permits(self, kind: str, role: str) -> bool:
        return kind in self.kinds and role in self.people


def lesser(one: str, other: str) -> str | None:
    """Return the role that permits no more than either of two, or None when there is none.

    An owner may do what every other role may; the others do not contain each other.
    """
    if OWNER in (one, other):
        return other if one == OWNER else one
    return one if one == other else None
