"""Declarations of the shelf; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.access.roles import ALL, BUILDERS, OPERATOR, PARTIES, READERS, Rule
from weir.kernel.declarations import SHELF_PANEL, Bound, Command, Lock, Periodic
from weir.kernel.declares import LIMIT_REACHED
from weir.kernel.outcomes import Outcome, Retry

# --- Refusals ---
PRODUCTION_NEEDED: Final = Outcome(
    "production_needed",
    403,
    "An organisation in the sandbox uses sandbox products only, and publishes none.",
    "处于沙箱阶段的机构只能使用沙箱产品，也不能发布产品。",
    retry=Retry.CHANGED,
)

BACKEND_NOT_GUARDED: Final = Outcome(
    "backend_not_guarded",
    409,
    "The service was not tested since its last change, or answers callers besides the gateways.",
    "该服务自上次变更后尚未检测，或仍会应答网关以外的调用方。",
    retry=Retry.CHANGED,
)

BACKEND_NOT_REGISTERED: Final = Outcome(
    "backend_not_registered",
    409,
    "The service behind the product is not registered. Register it with `weir backend register` "
    "or on the portal's page Backends, and publish the product once its test has passed.",
    "产品背后的服务尚未登记。请用 `weir backend register` 或门户的“后端服务”页面登记，"
    "检测通过后再上架。",
    retry=Retry.CHANGED,
)

BACKEND_IN_USE: Final = Outcome(
    "backend_in_use",
    409,
    "A product for production is served by this service. Retire the product first.",
    "已有正式产品由该服务提供，请先将产品下架。",
    retry=Retry.CHANGED,
)

# --- Limits ---
# Members' endpoints
MEMBER_BACKENDS: Final = 100  # registered by one organisation
DOCUMENTS: Final = 1_000  # versions of documents that one organisation imported
DOCUMENTS_BYTES: Final = 512 * 1024 * 1024  # of those, as they were imported
PRODUCTS: Final = 2_000  # versions of products of one organisation, retired ones too
SUBSCRIPTIONS: Final = 10_000  # of one organisation's applications, ended ones too
MEMBER_ENDPOINTS: Final = 16  # of one service

# Agreements, ledger and statements
PLAN_CHANGES: Final = 100  # versions of one plan's pricing after the first
PLAN_NOTICE_DAYS: Final = 30  # how long subscribers keep a price after its change is announced

# Plans
RATE_CALLS_PER_S: Final = 1_000_000  # the most a plan can say; "unlimited" is a word
QUOTA_CALLS: Final = 1_000_000_000_000

# Products
PRODUCT_CAPABILITIES: Final = 1_000
PRODUCT_PLANS: Final = 100
PLAN_COMPONENTS: Final = 8  # a sum people can still follow
PLAN_TIERS: Final = 20
PRODUCT_SCENES: Final = 6  # that one product says it suits

# The reference of an operation
REFERENCE_DEPTH: Final = 8  # of a schema that is shown opened
REFERENCE_NODES: Final = 1_000  # fields shown of one operation
REFERENCE_KEPT_CHARACTERS: Final = 32 * 1024 * 1024  # of documents, read once for many readers

# Search over the shelf
SEARCH_CHARACTERS: Final = 100  # of what somebody looks for
SEARCH_TERMS_ASKED: Final = 16  # of that which are looked for
SEARCH_TERMS_INDEXED: Final = 16_000  # by which one product is found
SEARCH_CHOICES: Final = 50  # of one facet
SEARCH_PAGE_ROWS: Final = 20
SEARCH_SIDE_ROWS: Final = 8  # of each direction, where both stand side by side
SEARCH_PAGES: Final = 500
SEARCH_OPERATIONS: Final = 3  # shown of one product that was found

# --- Bounds of inputs ---
BOUNDS: Final = {
    "documents, products and backends of an organisation": Bound(
        (
            "DOCUMENTS",
            "PRODUCTS",
            "MEMBER_BACKENDS",
        ),
        "a row each, and a document's bytes",
        LIMIT_REACHED,
        "test_many_times_as_many_at_once_leave_as_many_as_may_be_kept",
    ),
    "bytes of an organisation's documents": Bound(
        ("DOCUMENTS_BYTES",),
        "those bytes in PostgreSQL",
        LIMIT_REACHED,
        "test_documents_are_bounded_in_bytes_too",
    ),
    "subscriptions of an organisation": Bound(
        ("SUBSCRIPTIONS",),
        "a row each, and an entry in every gateway",
        LIMIT_REACHED,
        "test_an_organisation_subscribes_so_often_and_no_more",
    ),
}

# --- Advisory locks ---
DOCUMENT_LOCK: Final = Lock(3, "Importing a version of a document; its owner and slug.")

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "shelf_indexed": Periodic(60.0, "Write the search index of products that lack it."),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "document.imported": ("An OpenAPI document was imported.", "导入 OpenAPI 文档。"),
    "backend.registered": ("The service's endpoints were registered.", "登记服务的接入点。"),
    "backend.changed": ("The service's endpoints were changed.", "变更服务的接入点。"),
    "backend.tested": (
        "It was tested whether the service refuses callers besides the gateways.",
        "检测服务是否拒绝网关以外的调用方。",
    ),
    "backend.removed": ("The service's endpoints were removed.", "移除服务的接入点。"),
    "capability.declared": (
        "What the capability needs of a consent was declared.",
        "声明能力的授权要求。",
    ),
    "product.drafted": ("The product version was drafted.", "起草产品版本。"),
    "product.changed": ("The draft of the product was changed.", "修改产品草稿。"),
    "product.published": ("The product version was put on the shelf.", "产品版本上架。"),
    "product.retired": ("The product version was taken off the shelf.", "产品版本下架。"),
    "plan.offered": ("A plan was offered.", "推出套餐。"),
    "plan.withdrawn": ("The plan was withdrawn from new subscriptions.", "套餐停止新订阅。"),
    "plan.change_announced": ("A new price of the plan was announced.", "公布套餐的新价格。"),
    "plan.change_taken_back": (
        "An announced price was taken back before it was in force.",
        "已公布的价格在生效前被撤回。",
    ),
    "subscription.requested": ("A subscription was asked for.", "申请订阅。"),
    "subscription.approved": ("The subscription was approved.", "批准订阅。"),
    "subscription.refused": ("The subscription was refused.", "拒绝订阅。"),
    "subscription.suspended": ("The subscription was suspended.", "暂停订阅。"),
    "subscription.resumed": ("The subscription was resumed.", "恢复订阅。"),
    "subscription.ended": ("The subscription was ended.", "终止订阅。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "doc": "imported OpenAPI document",
    "bck": "backend, where an organisation's service is reached",
    "cap": "capability",
    "prd": "product version",
    "pln": "plan",
    "sub": "subscription",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "import_document": Rule(own=PARTIES, people=BUILDERS),
    "list_documents": Rule(own=PARTIES, people=READERS),
    "get_document": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_document_source": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_document_openapi": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_findings": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "list_breaking_changes": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "register_backend": Rule(own=PARTIES, people=BUILDERS),
    "list_backends": Rule(own=PARTIES, people=READERS),
    "get_backend": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "change_backend": Rule(own=PARTIES, people=BUILDERS),
    "test_backend": Rule(own=PARTIES, people=BUILDERS),
    "get_gateway_identity": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "remove_backend": Rule(own=PARTIES, every=OPERATOR, people=BUILDERS),
    "list_capabilities": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_capability": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "declare_capability": Rule(own=PARTIES, people=BUILDERS),
    "draft_product": Rule(own=PARTIES, people=BUILDERS),
    "set_product_capabilities": Rule(own=PARTIES, people=BUILDERS),
    "publish_product": Rule(own=PARTIES, people=BUILDERS),
    "retire_product": Rule(own=PARTIES, people=BUILDERS, fresh=True, programs="yes"),
    "list_shelf": Rule(every=ALL, people=READERS),
    "search_shelf": Rule(every=ALL, people=READERS),
    "list_products": Rule(own=PARTIES, people=READERS),
    "get_product": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "get_product_openapi": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "offer_plan": Rule(own=PARTIES, people=BUILDERS),
    "list_plans": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "withdraw_plan": Rule(own=PARTIES, people=BUILDERS),
    "change_plan": Rule(own=PARTIES, people=BUILDERS),
    "take_back_plan_change": Rule(own=PARTIES, people=BUILDERS),
    "request_subscription": Rule(own=PARTIES, people=BUILDERS),
    "list_subscriptions": Rule(own=PARTIES, people=READERS),
    "get_subscription": Rule(own=PARTIES, every=OPERATOR, people=READERS),
    "approve_subscription": Rule(own=PARTIES, people=BUILDERS),
    "refuse_subscription": Rule(own=PARTIES, people=BUILDERS),
    "suspend_subscription": Rule(own=PARTIES, people=BUILDERS),
    "resume_subscription": Rule(own=PARTIES, people=BUILDERS),
    "end_subscription": Rule(own=PARTIES, people=BUILDERS, fresh=True, programs="yes"),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "products.documents",
    "products.backends",
    "products.capabilities",
    "products.products",
    "products.shelf",
    "products.standard",
    "products.plans",
    "products.subscriptions",
)

# --- Commands ---
COMMANDS: Final = {
    "shelf": Command("products.shelf:shelf", "Search the shelf.", True, SHELF_PANEL),
    "document": Command("products.documents:document", "OpenAPI documents.", True, SHELF_PANEL),
    "backend": Command(
        "products.backends:backend", "Endpoints of your services.", True, SHELF_PANEL
    ),
    "capability": Command(
        "products.capabilities:capability", "Capabilities and their consent.", True, SHELF_PANEL
    ),
    "product": Command(
        "products.products:product", "Versioned bundles on the shelf.", True, SHELF_PANEL
    ),
    "plan": Command("products.plans:plan", "Prices and limits of products.", True, SHELF_PANEL),
    "subscription": Command(
        "products.subscriptions:subscription", "Subscriptions to products.", True, SHELF_PANEL
    ),
}
