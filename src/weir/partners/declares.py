"""Declarations of partners; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, BUILDERS, OPERATOR, OWNERS, PARTIES, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, PARTIES_PANEL, Bound, Command, Periodic
from weir.kernel.declares import CONFLICT, LIMIT_REACHED
from weir.kernel.outcomes import Outcome, Retry

# --- Refusals ---
APPLICATION_SUSPENDED: Final = Outcome(
    "application_suspended",
    403,
    "The application is not active.",
    "该应用未处于启用状态。",
    retry=Retry.CHANGED,
    oauth="unauthorized_client",
)
ORGANISATION_SUSPENDED: Final = Outcome(
    "organisation_suspended",
    403,
    "The organisation is not active.",
    "该机构未处于启用状态。",
    retry=Retry.CHANGED,
    oauth="unauthorized_client",
)

# --- Limits ---
# Dynamic registration and keys at jwks_uri (authorization/front/registration.py, remote_keys.py)
DYNAMIC_APPLICATIONS: Final = 50  # of one organisation

# What people write about themselves and their products
APPLICATION_KEYS: Final = 10  # public keys one application may have at a time
APPLICATION_REVOKED_KEYS: Final = 200  # remembered for good, so that none comes back
APPLICATION_REDIRECT_URIS: Final = 20
APPLICATIONS: Final = 1_000  # of one organisation, suspended ones too
APPLICATION_CERTIFICATES: Final = 20  # valid ones at a time

# --- Bounds of inputs ---
BOUNDS: Final = {
    "applications of an organisation": Bound(
        ("APPLICATIONS",),
        "a row each, and an entry in every gateway",
        LIMIT_REACHED,
        "test_many_times_as_many_at_once_leave_as_many_as_may_be_kept",
    ),
    "valid certificates of an application": Bound(
        ("APPLICATION_CERTIFICATES",),
        "a row and a signature each, and an entry in every gateway",
        CONFLICT,
        "test_an_application_has_so_many_valid_certificates_however_many_are_asked_for_at_once",
    ),
}

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "certificates_in_time": Periodic(3_600.0, "Renew the platform's certificates before they end."),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "alliance.founded": ("The alliance was founded.", "联盟成立。"),
    "organisation.admitted": ("The organisation was admitted.", "准入机构。"),
    "organisation.production_opened": (
        "The organisation may use products beyond the sandbox.",
        "为机构开通生产环境。",
    ),
    "organisation.suspended": ("The organisation was suspended.", "暂停机构。"),
    "organisation.resumed": ("The organisation was resumed.", "恢复机构。"),
    "application.registered": ("The application was registered.", "登记应用。"),
    "application.keys_rotated": ("The application's public keys were replaced.", "更换应用公钥。"),
    "application.signing_changed": (
        "Whether the application must sign its requests was changed.",
        "更改应用是否须签名请求。",
    ),
    "application.key_revoked": ("A key of the application was revoked.", "吊销应用的一把密钥。"),
    "application.backchannel_changed": (
        "It was set how the application asks customers on their own device.",
        "设置应用如何在客户自己的设备上请求授权。",
    ),
    "application.rehearses": (
        "The application began or ended meeting announced changes early.",
        "应用开始或结束提前演练已预告的变更。",
    ),
    "application.taken_over": (
        "A person took the application over, and answers for what it does.",
        "人员接管应用，并对其操作负责。",
    ),
    "application.changed": ("The application's particulars were replaced.", "更新应用资料。"),
    "registration.made": (
        "The application registered itself with a software statement.",
        "应用凭软件声明自行注册。",
    ),
    "registration.changed": ("The application changed its registration.", "应用更改注册资料。"),
    "registration.ended": ("The application ended its registration.", "应用注销注册。"),
    "anchor.registered": (
        "The issuer of software statements is believed.",
        "登记软件声明的签发方为信任锚。",
    ),
    "anchor.ended": ("The issuer is believed no more.", "终止对签发方的信任。"),
    "application.suspended": ("The application was suspended.", "暂停应用。"),
    "application.resumed": ("The application was resumed.", "恢复应用。"),
    "certificate.issued": ("A client certificate was issued.", "签发客户端证书。"),
    "certificate.revoked": ("The client certificate was revoked.", "吊销客户端证书。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "org": "organisation (operator, member or partner)",
    "app": "application, the OAuth client of an organisation",
    "crt": "client certificate issued by the alliance's authority",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "found_alliance": Rule(by_link=True),
    "list_organisations": Rule(every=ALL, people=READERS),
    "get_organisation": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "admit_member": Rule(every=OPERATOR, people=OWNERS),
    "admit_partner": Rule(every=OPERATOR, people=OWNERS),
    "suspend_organisation": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "resume_organisation": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "open_production": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "register_application": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
    "list_applications": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_application": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "take_over_application": Rule(own=ALL, people=OWNERS, fresh=True, programs="no"),
    "rotate_application_keys": Rule(own=ALL, people=BUILDERS, programs="itself"),
    "require_signed_requests": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
    "revoke_application_key": Rule(
        own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True, programs="itself"
    ),
    "rehearse_changes": Rule(own=ALL, people=BUILDERS),
    "set_backchannel": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
    "suspend_application": Rule(
        own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True, programs="itself"
    ),
    "resume_application": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "issue_certificate": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS, programs="itself"),
    "list_certificates": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "revoke_certificate": Rule(
        own=PARTIES, every=OPERATOR, people=BUILDERS, fresh=True, programs="itself"
    ),
    "register_trust_anchor": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "list_trust_anchors": Rule(every=OPERATOR, people=READERS),
    "end_trust_anchor": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "list_expiring_certificates": Rule(own=PARTIES, every=OPERATOR, people=READERS),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "parties.founding",
    "parties.organisations",
    "parties.applications",
    "parties.certificates",
    "keys.anchors",
)

# --- Commands ---
COMMANDS: Final = {
    "operator": Command("operator:app", "Found the alliance; see its health.", True, PARTIES_PANEL),
    "member": Command(
        "parties.organisations:member", "Members: licensed institutions.", True, PARTIES_PANEL
    ),
    "partner": Command(
        "parties.organisations:partner", "Partners: users of products.", True, PARTIES_PANEL
    ),
    "app": Command(
        "parties.applications:app", "Applications, keys, certificates.", True, PARTIES_PANEL
    ),
    "anchor": Command("keys.anchors:app", "Trusted issuers of statements.", True, BOOKS_PANEL),
}
