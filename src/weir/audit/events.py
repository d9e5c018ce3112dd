"""Every event the audit chain can hold, with its words. A closed list: a test holds the docs to it.

Names are `<subject>.<what happened>`; words are (English, Chinese) and complete sentences, without
a subject of their own, since each is shown beside what it happened to.
"""

from __future__ import annotations

from typing import Final

EVENTS: Final[dict[str, tuple[str, str]]] = {
    "key.created": ("A signing key was made.", "生成签名密钥。"),
    "key.activated": ("The signing key signs from now on.", "签名密钥开始使用。"),
    "key.superseded": ("The signing key has signed for the last time.", "签名密钥不再用于签名。"),
    "key.retired": ("The signing key was retired.", "签名密钥退役。"),
    "key.revoked": ("The signing key was revoked.", "签名密钥被紧急吊销。"),
    "algorithm.ending_announced": (
        "It was announced that the algorithm will be taken no more.",
        "预告将停止接受该算法。",
    ),
    "algorithm.ending_taken_back": ("The announcement was taken back.", "撤回停止该算法的预告。"),
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
    "customer.records_detached": (
        "Call records no longer lead to the customer.",
        "调用记录已无法再关联到该客户。",
    ),
    "consent.requested": ("A customer was asked for consent.", "已向客户请求授权。"),
    "consent.granted": ("The customer granted the consent.", "客户同意了授权。"),
    "consent.rejected": ("The customer said no.", "客户拒绝了授权。"),
    "consent.used": ("The payment consent was used.", "支付授权已使用。"),
    "consent.withdrawn": ("The consent was withdrawn.", "授权已撤回。"),
    "consent.withdrawal_confirmed": (
        "Every gateway confirmed the withdrawal.",
        "全部网关已确认撤回。",
    ),
    "consent.expired": ("The consent ended at its date.", "授权已到期。"),
    "consent.replaced": (
        "A newer consent of the customer took its place.",
        "客户新的授权取代了此授权。",
    ),
    "token.revoked": ("The application gave back an access token.", "应用撤销了访问令牌。"),
    "alliance.founded": ("The alliance was founded.", "联盟成立。"),
    "organisation.admitted": ("The organisation was admitted.", "准入机构。"),
    "organisation.signed_up": ("The organisation signed up by itself.", "机构自助注册。"),
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
    "application.tried": (
        "A token was issued to try a product of the sandbox in the application's name.",
        "以该应用的名义签发了沙箱试调令牌。",
    ),
    "application.trial_key_registered": (
        "A key was registered for minutes, to ask a test customer in the application's name.",
        "登记了短时密钥，用于以该应用的名义向测试客户请求授权。",
    ),
    "certificate.issued": ("A client certificate was issued.", "签发客户端证书。"),
    "certificate.revoked": ("The client certificate was revoked.", "吊销客户端证书。"),
    "document.imported": ("An OpenAPI document was imported.", "导入 OpenAPI 文档。"),
    "backend.registered": ("The service's endpoints were registered.", "登记服务的接入点。"),
    "backend.changed": ("The service's endpoints were changed.", "变更服务的接入点。"),
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
    "agreement.proposed": ("An agreement was proposed.", "提出分润协议。"),
    "agreement.countered": (
        "A party answered the proposal with other terms.",
        "一方以其他条款回应了提案。",
    ),
    "agreement.accepted": ("A party accepted the agreement.", "一方接受了分润协议。"),
    "agreement.in_force": (
        "All parties accepted; the agreement is in force.",
        "各方均已接受，协议生效。",
    ),
    "agreement.ended": ("The agreement was ended or declined.", "协议终止或被拒绝。"),
    "records.expired": (
        "Call records were removed by the rule of their class.",
        "按保存期限删除调用记录。",
    ),
    "root.witnessed": ("A party witnessed the root over the records.", "一方见证了调用记录之根。"),
    "closing.requested": ("A period was asked to be closed.", "请求关闭账期。"),
    "closing.moved": (
        "Another release goes on with the closing.",
        "关账作业转由另一版本继续执行。",
    ),
    "closing.failed": ("The period could not be closed.", "账期未能关闭。"),
    "period.closed": ("The period was closed into statements.", "账期关账，生成对账单。"),
    "period.reopened": ("The closed period was opened again.", "已关账的账期被重新打开。"),
    "dispute.opened": ("A line of a statement was disputed.", "对账单明细行被提出争议。"),
    "dispute.upheld": ("The dispute was upheld with a credit.", "争议成立，已予退款。"),
    "dispute.rejected": ("The dispute was rejected.", "争议被驳回。"),
    "credit.granted": ("Part of a line was given back.", "已退还明细行的部分金额。"),
    "rate.recorded": ("An exchange rate was recorded.", "记录了汇率。"),
    "settlement_account.set": ("A settlement account was named.", "登记了结算账户。"),
    "round.settled": ("Open debts were netted into payments.", "未结债务经轧差转为付款。"),
    "instructions.issued": ("A message for the bank was issued.", "已生成交给银行的付款报文。"),
    "payment.received": ("A payment of a round has come.", "轧差付款已到账。"),
}
