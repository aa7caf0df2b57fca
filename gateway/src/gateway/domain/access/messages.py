"""What the gateway says of rights that do not reach far enough, or have ended."""

from collections.abc import Mapping

from gateway.domain.sentences import Sentences

RIGHTS: Mapping[str, Sentences] = {
    "BOUND_TO_ENTERPRISES": Sentences(
        "Bound to enterprises",
        "仅限于所属企业",
        "the change feed tells of whole parks, and this caller is bound to the enterprises {found}; their own part is at"
        " GET /v1/parks/{{park}}/activity-records",
        "变更流包含整个园区的数据,而当前调用者仅限于企业 {found};其自身部分请用 GET /v1/parks/{{park}}/activity-records 读取",
    ),
    "CALLER_INACTIVE": Sentences(
        "Caller deactivated",
        "调用者已停用",
        "caller {found}, who began this, is deactivated; an operator may activate it",
        "发起此操作的调用者 {found} 已停用;可由运营方重新启用",
    ),
    "CREDENTIAL_WITHDRAWN": Sentences(
        "Credential withdrawn",
        "凭证已失效",
        "the credential by which caller {found} began this is withdrawn or has expired; begin it again with one in force",
        "调用者 {found} 发起此操作所用的凭证已撤销或过期;请使用有效凭证重新发起",
    ),
    "NOTHING_IN_REACH": Sentences(
        "Nothing left within the bounds",
        "权限范围内已无内容",
        "the bounds of caller {found} leave none of the parks that it reached when it began this; begin it again within them",
        "调用者 {found} 发起此操作时可访问的园区已全部超出其当前范围;请在当前范围内重新发起",
    ),
    "IDEMPOTENCY_KEY_BEYOND_RIGHTS": Sentences(
        "Answer beyond this credential",
        "答复超出当前凭证的权限",
        "the request with the Idempotency-Key {found} was made with rights that this credential does not have; repeat it with that"
        " credential, or use a new key",
        "使用 Idempotency-Key {found} 的请求所具有的权限超出当前凭证;请用原凭证重发,或使用新的键",
    ),
}
