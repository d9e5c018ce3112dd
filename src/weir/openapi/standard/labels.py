"""Rules for labels and grades: each field's personal data, and the harm of its leak.

The labels are of JR/T 0171-2020 (C1 internal, C2 identity and financial status, C3 authentication),
or `none` for a field without personal data. The grades are the five levels of JR/T 0197-2020.
Errors are not labelled: a problem document is about a request, not about a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.fields import Field
from weir.openapi.standard.rules import Checked, Place, Rule

LABELS: Final = ("C1", "C2", "C3", "none")
GRADES: Final = ("1", "2", "3", "4", "5")
# The usual mapping of JR/T 0171 to JR/T 0197: the least grade each label needs.
LEAST_GRADE: Final = {"C3": 4, "C2": 3, "C1": 2, "none": 1}
_SECRET: Final = re.compile(
    r".*(?:password|passwd|passcode|pass_phrase|(?:^|_|[a-z](?=P))pin(?:$|_)|cvv2?|cvc2?"
    r"|otp|fingerprint|face_?(?:image|template)|card_?track).*",
    re.IGNORECASE,
)


def fields_are_labelled(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label is None:
            yield field.pointer, field.name


def fields_are_graded(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.grade is None:
            yield field.pointer, field.name


def labels_are_of_the_list(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label is not None and field.label not in LABELS:
            yield field.label_at, field.label


def grades_are_of_the_list(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.grade is not None and field.grade not in GRADES:
            yield field.grade_at, field.grade


def grades_fit_labels(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label in LABELS and field.grade in GRADES:
            least = LEAST_GRADE[str(field.label)]
            if int(str(field.grade)) < least:
                yield field.grade_at, f"{field.name}: {field.label}, {field.grade} < {least}"


def secrets_are_not_answered(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label == "C3" and field.side == "response":
            yield field.pointer, field.name


def secrets_are_not_in_addresses(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label == "C3" and field.side in ("path", "query", "header", "cookie"):
            yield field.pointer, f"{field.side} {field.name}"


def persons_are_not_in_queries(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label == "C2" and field.side == "query":
            yield field.pointer, field.name


def secrets_are_labelled_so(reading: Reading) -> Iterator[Place]:
    for field in labelled(reading):
        if field.label in ("C1", "C2", "none") and _SECRET.fullmatch(field.name):
            yield field.pointer, f"{field.name}: {field.label}"


def labelled(reading: Reading) -> Iterator[Field]:
    """Yield the fields that need a label: all but fields of errors."""
    for field in reading.fields:
        if field.side != "error":
            yield field


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "label-missing",
            "error",
            "Every field has a data label: C1, C2, C3 or none.",
            "每个字段都有数据标签：C1、C2、C3 或 none。",
            "What is not labelled is not protected as it must be, and no consent can name it.",
            "未标注的字段无法得到应有的保护，授权书也无从说明。",
            "Add x-weir-label to the field, the schema it refers to, or the object around it.",
            "在字段、其引用的结构或所属对象上添加 x-weir-label。",
            "JR/T 0171-2020 (categories C1 to C3)",
        ),
        fields_are_labelled,
    ),
    (
        Rule(
            "grade-missing",
            "error",
            "Every field has a data grade from 1 to 5.",
            "每个字段都有 1 至 5 级的数据分级。",
            "The grade says who is harmed by a leak and how badly.",
            "分级说明数据泄露的影响对象和影响程度。",
            "Add x-weir-grade to the field, the schema it refers to, or the object around it.",
            "在字段、其引用的结构或所属对象上添加 x-weir-grade。",
            "JR/T 0197-2020 (five levels)",
        ),
        fields_are_graded,
    ),
    (
        Rule(
            "label-known",
            "error",
            "A label is C1, C2, C3 or none.",
            "标签只能是 C1、C2、C3 或 none。",
            "The list is closed; another word would be read as no label at all.",
            "标签为固定列表，其他写法等同于未标注。",
            "Write one of the four, as text.",
            "请以文本写入四者之一。",
            "JR/T 0171-2020 (categories C1 to C3)",
        ),
        labels_are_of_the_list,
    ),
    (
        Rule(
            "grade-known",
            "error",
            "A grade is a whole number from 1 to 5.",
            "分级为 1 至 5 的整数。",
            "There are five levels and no others.",
            "分级仅有五级。",
            "Write a number from 1 (harmless) to 5 (harms the nation).",
            "请填写 1（无影响）至 5（危害国家安全）之间的数字。",
            "JR/T 0197-2020 (five levels)",
        ),
        grades_are_of_the_list,
    ),
    (
        Rule(
            "grade-fits-label",
            "error",
            "The grade is at least 4 for C3, 3 for C2 and 2 for C1.",
            "C3 至少为 4 级，C2 至少为 3 级，C1 至少为 2 级。",
            "A label and a grade that disagree leave open which of them is wrong.",
            "标签与分级不一致时，无法判断哪一个有误。",
            "Raise the grade, or correct the label.",
            "提高分级，或更正标签。",
            "JR/T 0171-2020 with JR/T 0197-2020 (the usual mapping)",
        ),
        grades_fit_labels,
    ),
    (
        Rule(
            "label-c3-answered",
            "error",
            "No answer holds a C3 field.",
            "响应中不得含有 C3 字段。",
            "Authentication data is never kept by a partner and never shared.",
            "鉴别信息不得由合作方留存，也不得共享。",
            "Remove the field; let the customer authenticate with the institution itself.",
            "删除该字段，由客户直接在机构侧完成身份验证。",
            "JR/T 0171-2020 (C3); JR/T 0185-2020 (the partner can never obtain a password)",
        ),
        secrets_are_not_answered,
    ),
    (
        Rule(
            "label-c3-address",
            "error",
            "No path, query, header or cookie holds a C3 field.",
            "路径、查询参数、请求头和 Cookie 中不得含有 C3 字段。",
            "Addresses and headers are written to logs in plaintext on their way.",
            "地址和请求头会以明文写入沿途日志。",
            "Move it into a body that is encrypted end to end.",
            "移入端到端加密的请求体。",
            "JR/T 0171-2020 (C3 never in plaintext)",
        ),
        secrets_are_not_in_addresses,
    ),
    (
        Rule(
            "label-c2-query",
            "warning",
            "No query holds a C2 field.",
            "查询参数中不应含有 C2 字段。",
            "Queries stay in browser histories and logs.",
            "查询参数会留存于浏览记录和日志。",
            "Move it into a body, or use an identifier that says nothing by itself.",
            "移入请求体，或改用本身不含信息的标识。",
            "JR/T 0171-2020 (C2); RFC 9110 section 17.9",
        ),
        persons_are_not_in_queries,
    ),
    (
        Rule(
            "label-secret",
            "error",
            "A field called like a password, PIN, code or fingerprint is labelled C3.",
            "名称为密码、PIN、验证码或指纹等的字段须标为 C3。",
            "Its name says it is authentication data, and its label says it is not.",
            "字段名表明其为鉴别信息，标签却与之不符。",
            "Label it C3 with grade 4 or 5, or give it a name that says what it is.",
            "标为 C3 并定为 4 级或 5 级，或改用名副其实的名称。",
            "JR/T 0171-2020 (C3)",
        ),
        secrets_are_labelled_so,
    ),
)
