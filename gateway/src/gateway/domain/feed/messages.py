"""What the gateway says of a webhook that is disabled; of rights that have ended, `access.messages` says it."""

from collections.abc import Mapping

from gateway.domain.sentences import Sentences

WEBHOOKS: Mapping[str, Sentences] = {
    "TARGET_FAILING": Sentences(
        "Target failing",
        "目标持续失败",
        "the target failed {found} times in a row, the last time with: {last}; repair it, then resume",
        "目标已连续失败 {found} 次,最近一次:{last};请修复后恢复",
    ),
    "TARGET_GONE": Sentences(
        "Target gone", "目标已关闭", "the target answered 410: it wants nothing more", "目标返回 410,不再接收"
    ),
    "CHANGES_EXPIRED": Sentences(
        "Changes no longer kept",
        "变更已过期",
        "changes after position {found} have expired; resume goes on with what is left, and what is missing has to be read anew",
        "位置 {found} 之后的变更已过期;恢复后从现存最早的变更继续,缺失部分须重新读取",
    ),
    "SECRET_NOT_READABLE": Sentences(
        "Secret not readable",
        "密钥无法读取",
        "the webhook's secret was stored under another key of the platform; delete the webhook and make it anew",
        "网络钩子的密钥是用平台的另一把密钥保存的;请删除后重新创建",
    ),
}
