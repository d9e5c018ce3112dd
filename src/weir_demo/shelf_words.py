"""Descriptions of the demo's products: what they do, whom they suit, in which scenes."""

from __future__ import annotations

from typing import Any, Final

_Words = dict[str, Any]


def _words(scenes: str, does: tuple[str, str], suits: tuple[str, str]) -> _Words:
    return {
        "description": does[0],
        "description_zh": does[1],
        "suits_en": suits[0],
        "suits_zh": suits[1],
        "scenes": scenes.split(),
    }


WORDS: Final[dict[str, _Words]] = {
    "river-bank.accounts": _words(
        "shopkeeping household supply-chain",
        (
            "Reads the accounts a customer chose: balances now, and transactions up to a year"
            " back. Confirms whether an account holds an amount, without saying how much it holds.",
            "读取客户勾选的账户：实时余额，以及最长一年的交易明细。也可只确认余额是否足够，"
            "不透露具体数字。",
        ),
        (
            "Book-keeping for shops, household budgets, and lenders who would rather see the"
            " flow of money than ask for paper.",
            "适合商户记账、家庭记账，以及希望用真实流水代替纸质材料的信贷服务。",
        ),
    ),
    "river-bank.payments": _words(
        "shopping supply-chain payroll",
        (
            "Makes one payment that the customer has agreed to: this amount, to this payee, once."
            " A repeated request never pays twice.",
            "完成客户已确认的一笔付款：金额、收款方、次数均以客户授权为准。重复提交不会重复扣款。",
        ),
        (
            "Checkouts, invoices between businesses, and anyone who wants money to arrive without"
            " sending the customer to another application.",
            "适合收银台、企业间货款结算，以及希望客户不必跳转即可完成付款的场景。",
        ),
    ),
    "harbour-insurance.quotations": _words(
        "travel housing shopping",
        (
            "Prices a policy at once, component by component, with the tax. A quotation stays good"
            " until it becomes a policy or runs out.",
            "实时报价，逐项列明保费构成与税额。报价在有效期内可直接转为保单。",
        ),
        (
            "Travel agencies, property platforms and shops that offer cover where the need arises.",
            "适合旅行、房产与零售平台，在客户需要保障的那一刻给出价格。",
        ),
    ),
    "harbour-insurance.policies": _words(
        "household travel health",
        (
            "Reads the policies a customer chose, and reports a claim with what happened and when.",
            "读取客户勾选的保单，并代客户提交理赔报案。",
        ),
        (
            "Family finance applications, and services that help when something went wrong.",
            "适合家庭保障管理，以及事故发生后的代办与协助服务。",
        ),
    ),
    "summit-securities.quotes": _words(
        "investing",
        (
            "Lists what is traded and says what it costs: a new price about every five seconds.",
            "查询可交易标的及最新行情，约每 5 秒更新一次报价。",
        ),
        (
            "Investment applications, research tools, and pages that show a market beside news.",
            "适合投资应用、研究工具，以及需要展示行情的资讯页面。",
        ),
    ),
    "summit-securities.portfolios": _words(
        "investing household",
        (
            "Reads the portfolios a customer chose: holdings at today's value, and past orders.",
            "读取客户勾选的投资组合：按最新市值计算的持仓，以及历史委托。",
        ),
        (
            "Wealth managers and family finance applications that show everything in one place.",
            "适合财富管理机构，以及把资产汇总在一处的家庭理财应用。",
        ),
    ),
    "clear-mirror.market-data": _words(
        "investing risk",
        (
            "Prices of what is traded, gathered and checked by a data house, for an institution's"
            " own valuation and risk control.",
            "由数据服务商采集并校验的市场行情，供机构自身估值和风控使用。",
        ),
        (
            "Insurers and banks that value what they hold without running a price feed themselves.",
            "适合需要为持有资产估值、又不想自建行情源的保险机构和银行。",
        ),
    ),
}
