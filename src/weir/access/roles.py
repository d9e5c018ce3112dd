"""Kinds of organisation, roles of people, and the rule that says which of them may do an operation.

`own` names the kinds of organisation that may do it with their own things, `every` those that may
do it with anybody's. The operation's code then asks `Caller.reach` about the object at hand; an
object out of reach does not exist for the caller. An application with the role `manage` may do all
that its organisation may; a person only an operation whose `people` names that person's role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

NOBODY: Final[frozenset[str]] = frozenset()
OPERATOR: Final = frozenset({"operator"})
MEMBER: Final = frozenset({"member"})
PARTIES: Final = frozenset({"member", "partner"})
ALL: Final = OPERATOR | PARTIES

# What a person is to the organisation it works for, with the words people read.
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


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kinds of organisation may do an operation, with their own things or with everybody's.

    `people` are the roles a person needs one of; none means that only an application may. A `fresh`
    operation asks a person who has not just proven who it is to do so again. `by_link` marks the
    operation that a one-time link stands for, `by_anyone` the one that is open to all.
    """

    own: frozenset[str] = NOBODY
    every: frozenset[str] = NOBODY
    people: frozenset[str] = NOBODY
    fresh: bool = False
    by_link: bool = False
    by_anyone: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that may do it at all."""
        return self.own | self.every

    @property
    def needs_caller(self) -> bool:
        """Whether the caller must be known."""
        return not (self.by_link or self.by_anyone)

    def lets(self, kind: str, role: str) -> bool:
        """Whether a person with this role in an organisation of this kind may do it at all."""
        return kind in self.kinds and role in self.people
