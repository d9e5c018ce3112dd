"""Declarations of identity; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, BUILDERS, MEMBER, OPERATOR, OWNERS, PARTIES, READERS, Rule
from weir.kernel.declarations import PARTIES_PANEL, Bound, Command, Lock
from weir.kernel.declares import LIMIT_REACHED
from weir.kernel.outcomes import Outcome, Retry

# --- Refusals ---
SIGN_IN_FAILED: Final = Outcome(
    "sign_in_failed",
    401,
    "The name or the passphrase is not right.",
    "用户名或口令不正确。",
    retry=Retry.CHANGED,
)
SIGN_IN_LOCKED: Final = Outcome(
    "sign_in_locked",
    429,
    "Too many attempts. Wait a few minutes and try again.",
    "尝试次数过多，请几分钟后再试。",
    retry=Retry.LATER,
)
SIGN_IN_BUSY: Final = Outcome(
    "sign_in_busy",
    429,
    "Too many sign-ins are being checked right now. Wait a few seconds and try again.",
    "当前登录请求过多，请稍候几秒后重试。",
    retry=Retry.LATER,
)
SECOND_FACTOR_WRONG: Final = Outcome(
    "second_factor_wrong",
    401,
    "The code is not right, or was used before. Wait for the next one and try again.",
    "验证码不正确或已使用，请等待下一个验证码后再试。",
    retry=Retry.CHANGED,
)
PASSKEY_REFUSED: Final = Outcome(
    "passkey_refused",
    401,
    "The passkey could not be verified. Nothing was changed; try again.",
    "通行密钥验证未通过，未做任何更改，请重试。",
    retry=Retry.CHANGED,
)
TERMINAL_SIGN_IN_PENDING: Final = Outcome(
    "terminal_sign_in_pending",
    409,
    "The sign-in of this terminal has not been confirmed in a browser yet.",
    "尚未在浏览器中确认此终端的登录。",
    retry=Retry.LATER,
)
TERMINAL_SIGN_IN_OVER: Final = Outcome(
    "terminal_sign_in_over",
    410,
    "This sign-in of a terminal is unknown, or was refused, used or left too long."
    " Run `weir sign-in` again.",
    "该终端登录请求不存在、已拒绝、已使用或已过期，请重新运行 weir sign-in。",
    retry=Retry.CHANGED,
)
TERMINAL_SESSION_ENDED: Final = Outcome(
    "terminal_session_ended",
    401,
    "The session of this terminal has ended. Run `weir sign-in` again.",
    "该终端的登录已结束，请重新运行 weir sign-in。",
    retry=Retry.CHANGED,
)

# --- Limits ---
# Authorization (FAPI 2.0 Security Profile section 5.3)
SESSION_LIFETIME_S: Final = 3_600
PASSPHRASE_CHARACTERS_MIN: Final = 12
PASSPHRASE_CHARACTERS_MAX: Final = 256
STAFF_SESSION_LIFETIME_S: Final = 43_200  # of people who work here, however busy they are
STAFF_SESSION_IDLE_S: Final = 1_800
HALF_OPEN_SESSION_S: Final = 900  # within which the second factor is given
SECOND_FACTOR_ATTEMPTS: Final = 10  # wrong, of one person from one address in its window
SECOND_FACTOR_WINDOW_S: Final = 3_600
SECOND_FACTOR_ATTEMPTS_A_DAY: Final = 100  # wrong, of one person from everywhere; no passkeys
SECOND_FACTOR_DAY_S: Final = 86_400
RECOVERY_CODES: Final = 10
PASSKEYS: Final = 10  # of one person
PASSKEY_ANSWER_CHARACTERS: Final = 16_384
CHALLENGE_LIFETIME_S: Final = 300  # of a passkey ceremony
# Sign-ins of terminals (RFC 8252, RFC 8628)
TERMINAL_SESSION_S: Final = 1_800  # of a person who acts by the command line
TERMINAL_SESSIONS: Final = 10  # of one person at a time; of more the oldest end
TERMINAL_SIGN_IN_S: Final = 600  # within which a person confirms, and then the terminal claims
TERMINAL_PROOF_S: Final = 120  # how old the proof of identity may be that confirms a terminal
TERMINAL_SIGN_INS: Final = 30  # asked for from one network in the window below
TERMINAL_SIGN_INS_WINDOW_S: Final = 600
TERMINAL_CODE_ATTEMPTS: Final = 20  # typed by one person in that window
TERMINAL_POLL_S: Final = 2  # between two questions of a terminal whether it was confirmed
MACHINE_CHARACTERS: Final = 60  # of the name by which a terminal calls its machine

PEOPLE: Final = 500  # who work for one organisation
INVITATIONS: Final = 100  # open at once in one organisation
SIGN_IN_ATTEMPTS: Final = 10  # wrong, for one name from one address in SIGN_IN_WINDOW_S
SIGN_IN_WINDOW_S: Final = 300
GUESSES_OF_NETWORK: Final = 100  # wrong passphrases and codes; then each waits SIGN_IN_PAUSE_S
GUESSES_OF_NETWORK_WINDOW_S: Final = 300
SIGN_IN_PAUSE_S: Final = 2
PASSPHRASE_HASHES_AT_ONCE: Final = 2  # argon2id takes 64 MiB each
PASSPHRASES_WAITING: Final = 64  # for their hash, in one process
PASSPHRASES_WAITING_EACH: Final = 8  # of one network, or of one organisation

# Trying an operation out, from its page
TEST_CUSTOMERS: Final = 20  # that one member offers

# --- Bounds of inputs ---
BOUNDS: Final = {
    "passphrases to hash or check": Bound(
        (
            "PASSPHRASE_HASHES_AT_ONCE",
            "PASSPHRASES_WAITING",
            "PASSPHRASES_WAITING_EACH",
        ),
        "64 MiB and a tenth of a second of both cores; a waiting one a task",
        SIGN_IN_BUSY,
        "test_forty_connections_that_guess_stop_nobody_elses_sign_in",
    ),
    "wrong passphrases and codes from one network": Bound(
        (
            "GUESSES_OF_NETWORK",
            "GUESSES_OF_NETWORK_WINDOW_S",
            "SIGN_IN_PAUSE_S",
        ),
        "a hash each",
        SIGN_IN_BUSY,
        "test_a_network_with_too_many_wrong_guesses_waits_and_is_not_locked",
    ),
    "wrong passphrases for one name from one address": Bound(
        (
            "SIGN_IN_ATTEMPTS",
            "SIGN_IN_WINDOW_S",
        ),
        "a hash each",
        SIGN_IN_LOCKED,
        "test_right_sign_ins_never_lock_a_person_out",
    ),
    "wrong codes of one person": Bound(
        (
            "SECOND_FACTOR_ATTEMPTS",
            "SECOND_FACTOR_WINDOW_S",
            "SECOND_FACTOR_ATTEMPTS_A_DAY",
            "SECOND_FACTOR_DAY_S",
        ),
        "a transaction each",
        SIGN_IN_LOCKED,
        "test_a_person_has_so_many_guesses_a_day_from_wherever_they_come",
    ),
    "open invitations and test customers of an organisation": Bound(
        (
            "INVITATIONS",
            "TEST_CUSTOMERS",
        ),
        "a row each",
        LIMIT_REACHED,
        "test_many_times_as_many_at_once_leave_as_many_as_may_be_kept",
    ),
}

# --- Advisory locks ---
CUSTOMER_LOCK: Final = Lock(8, "Enrolling a customer; the member and its reference.")

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "person.created": ("A person set up a sign-in.", "用户设置了登录账号。"),
    "person.role_changed": ("The person's role was changed.", "更改人员角色。"),
    "person.removed": ("The person was removed and signed out.", "移除人员并退出其全部登录。"),
    "person.renewed": (
        "The person set a new passphrase and second factor.",
        "人员重新设置了口令和第二验证方式。",
    ),
    "factor.added": ("A second factor was added.", "添加第二验证方式。"),
    "factor.removed": ("A second factor was removed.", "移除第二验证方式。"),
    "factor.recovered": ("A recovery code was used to sign in.", "使用恢复码登录。"),
    "terminal.signed_in": (
        "A person signed a terminal in, to act by the command line.",
        "人员登录终端，以使用命令行。",
    ),
    "terminal.signed_out": ("The session of a terminal was ended.", "结束终端登录。"),
    "invitation.withdrawn": ("The invitation was withdrawn.", "撤回邀请。"),
    "link.created": ("A one-time link was made.", "生成一次性链接。"),
    "link.claimed": ("A one-time link was used.", "一次性链接已使用。"),
    "customer.enrolled": ("The member enrolled a customer.", "成员机构登记了客户。"),
    "test_customer.offered": (
        "The member lets developers try consents with this person of its model world.",
        "成员机构提供该模型客户供开发者试用。",
    ),
    "test_customer.ended": (
        "The member offers this test customer no more; sign-ins that were taken ended.",
        "成员机构停止提供该测试客户，已领取的登录均已失效。",
    ),
    "test_customer.taken": (
        "Developers took a test customer, with a new passphrase.",
        "开发者领取了测试客户，并获得新的口令。",
    ),
    "customer.linked": ("The customer linked a sign-in.", "客户关联了登录账号。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "usr": "person who signs in",
    "cus": "customer of a member, as the member and the platform know it",
    "lnk": "one-time link",
    "psk": "passkey of a person",
    "tss": "session of a person at a terminal",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "ask_terminal_sign_in": Rule(by_anyone=True),
    "claim_terminal_session": Rule(by_link=True),
    "end_terminal_session": Rule(own=ALL, people=READERS, programs="no"),
    "list_people": Rule(own=ALL, people=READERS),
    "change_person_role": Rule(own=ALL, people=OWNERS, fresh=True, programs="no"),
    "renew_sign_in": Rule(own=ALL, people=OWNERS, fresh=True, programs="no"),
    "remove_person": Rule(own=ALL, people=OWNERS, fresh=True, programs="no"),
    "list_invitations": Rule(own=ALL, people=READERS),
    "invite_person": Rule(own=PARTIES, every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "withdraw_invitation": Rule(own=ALL, people=OWNERS, programs="no"),
    "take_test_customer": Rule(own=PARTIES, people=BUILDERS),
    "enrol_customer": Rule(own=MEMBER, people=BUILDERS),
    "list_customers": Rule(own=MEMBER, people=READERS),
    "offer_test_customer": Rule(own=MEMBER, people=BUILDERS),
    "list_test_customers": Rule(own=ALL, people=READERS),
    "end_test_customer": Rule(own=MEMBER, people=BUILDERS),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "parties.terminals",
    "parties.people",
    "parties.invitations",
    "parties.customers",
    "parties.test_customers",
)

# --- Commands ---
COMMANDS: Final = {
    "sign-in": Command("sign_in:sign_in", "Act at this terminal yourself.", panel=PARTIES_PANEL),
    "sign-out": Command("sign_in:sign_out", "End that.", panel=PARTIES_PANEL),
    "people": Command("parties.people:people", "The people who work for you.", True, PARTIES_PANEL),
    "invitations": Command(
        "parties.invitations:invitations", "Invitations to work for you.", True, PARTIES_PANEL
    ),
    "customer": Command(
        "parties.customers:customer", "Your customers, and test customers.", True, PARTIES_PANEL
    ),
}
