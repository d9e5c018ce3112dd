"""The people and businesses of the model world: every institution gets the same from a seed.

Person number 17 is `RB-000017` at the bank and `HI-000017` at the insurer, because institutions in
life also serve the same people. All names are invented; places do not exist.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["individual", "business"]
Size = Literal["person", "micro", "small", "medium", "group"]

PLACES: Final = ("云川", "青岚", "南浦", "北渚", "澄湖", "望潮", "石桥湾", "江临", "白鹭洲", "柳渡")

_SURNAMES: Final = (
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏"
    "蒋田杜丁沈姜范江傅钟卢汪戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常"
)
_GIVEN: Final = (
    "伟芳娜敏静强磊洋艳勇军杰娟涛明超霞平刚桂英华玉萍红梅丽建国志斌宇浩然子涵欣怡梓轩雨泽思远"
    "晓峰文博佳琪俊凯雪莹嘉慧永康海燕立新春生秋月晨曦若兰可心天佑鹏程家豪诗韵清源安宁亦凡书瑶"
)
_WORDS: Final = (
    "鑫源", "宏达", "瑞丰", "恒信", "嘉禾", "盛泰", "永兴", "佳美", "同创", "远航", "万顺", "金穗",
    "德润", "华悦", "天成", "启明", "百川", "聚贤", "长青", "福满", "安和", "聚丰", "蓝桥", "新禾",
)  # fmt: skip

_MICRO: Final = {
    "restaurant": ("小吃店", "面馆", "火锅店", "早餐铺", "烧烤店"),
    "grocery": ("便利店", "生鲜超市", "水果店", "粮油店"),
    "cafe": ("奶茶店", "咖啡馆", "甜品屋"),
    "service": ("理发店", "洗衣店", "汽修店", "打印店"),
    "retail": ("服装店", "五金店", "文具店", "花店"),
}
_COMPANY: Final = {
    "trade": ("商贸有限公司", "供应链有限公司"),
    "manufacturing": ("机械制造有限公司", "电子科技有限公司", "食品有限公司"),
    "technology": ("信息技术有限公司", "软件有限公司"),
    "construction": ("建筑工程有限公司", "装饰工程有限公司"),
    "logistics": ("物流有限公司", "运输有限公司"),
}
_GROUP: Final = ("实业集团有限公司", "控股集团有限公司", "农业集团有限公司")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the model world; `number` counts from 1."""

    number: int
    name: str
    kind: Kind
    size: Size
    industry: str
    place: str

    def dice(self, seed: int, purpose: str) -> random.Random:
        """Return this person's own random generator, so that histories are independent."""
        return random.Random(f"{seed}/{purpose}/{self.number}")


def scattered(number: int, order: int) -> str:
    """Return twelve digits like a serial number, different for every customer and order."""
    return f"{(number * 100 + order) * 7_654_321_007 % 10**12:012d}"


@lru_cache(maxsize=4)
def population(seed: int, count: int) -> Sequence[Person]:
    """Return the first `count` people of a seed: three in ten are businesses, few of them large."""
    return tuple(_person(seed, number) for number in range(1, count + 1))


def _person(seed: int, number: int) -> Person:
    dice = random.Random(f"{seed}/person/{number}")
    place = dice.choice(PLACES)
    if number % 10 not in (3, 6, 9):
        name = dice.choice(_SURNAMES) + "".join(dice.sample(_GIVEN, dice.choice((1, 2, 2, 2))))
        return Person(number, name, "individual", "person", "", place)
    size = _business_size(number // 10 * 3 + number % 10 // 3)
    industry, name = _business_name(dice, place, size)
    return Person(number, name, "business", size, industry, place)


def _business_size(order: int) -> Size:
    """Return a size: of 100 businesses 2 are groups, 6 medium, 22 small, the rest micro."""
    place = order % 50
    if place == 49:
        return "group"
    if place in (11, 23, 37):
        return "medium"
    return "small" if place % 9 in (4, 7) else "micro"


def _business_name(dice: random.Random, place: str, size: Size) -> tuple[str, str]:
    """Return the industry and the name of a business."""
    word = dice.choice(_WORDS)
    if size == "micro":
        industry = dice.choice(tuple(_MICRO))
        return industry, f"{place}{word}{dice.choice(_MICRO[industry])}"
    industry = dice.choice(tuple(_COMPANY))
    ending = dice.choice(_GROUP if size == "group" else _COMPANY[industry])
    return industry, f"{place}{word}{ending}"
