"""Every sentence the gateway says itself, in Chinese and English, in one table.

Those of rights and of webhooks come from their topics. What accounting says about a row or a request arrives in words of its own
and is not repeated here.
"""

from collections.abc import Mapping
from typing import Literal

from gateway.domain.access.messages import RIGHTS
from gateway.domain.feed.messages import WEBHOOKS
from gateway.domain.sentences import Sentences

Language = Literal["zh", "en"]

FOUND_CHARACTERS = 200
"""The most characters of a caller's input that an answer repeats."""


REASONS: Mapping[str, Sentences] = {
    **RIGHTS,
    **WEBHOOKS,
    "TOKEN_MISSING": Sentences(
        "No bearer token",
        "缺少访问令牌",
        "send the header Authorization: Bearer <token>",
        "请发送请求头 Authorization: Bearer <令牌>",
    ),
    "TOKEN_MALFORMED": Sentences(
        "Malformed Authorization header",
        "Authorization 请求头格式错误",
        "the header must be Authorization: Bearer <token>, a token of 1 to 8192 characters of A-Z a-z 0-9 - . _ ~ + / =",
        "请求头必须是 Authorization: Bearer <令牌>,令牌为 1 至 8192 个字符(A-Z a-z 0-9 - . _ ~ + / =)",
    ),
    "TOKEN_UNKNOWN": Sentences(
        "Unknown token",
        "令牌无效",
        "the token is unknown, expired or revoked",
        "令牌不存在、已过期或已被撤销",
    ),
    "CREDENTIALS_AMBIGUOUS": Sentences(
        "More than one credential",
        "凭证不唯一",
        "send one credential: Authorization or X-Api-Key, not both",
        "请只发送一种凭证:Authorization 或 X-Api-Key",
    ),
    "SIGNATURE_MALFORMED": Sentences(
        "Malformed signature",
        "签名格式错误",
        "the header must be Authorization: PC1-HMAC-SHA256 Credential=…, Timestamp=…, Nonce=…, BodySHA256=…, Signature=…",
        "请求头必须是 Authorization: PC1-HMAC-SHA256 Credential=…, Timestamp=…, Nonce=…, BodySHA256=…, Signature=…",
    ),
    "SIGNATURE_INVALID": Sentences(
        "Invalid signature",
        "签名无效",
        "the signature does not match key and request; sign method, path, query and Content-Type as they are sent",
        "签名与密钥或请求不符;请对实际发送的方法、路径、查询串和 Content-Type 签名",
    ),
    "SIGNATURE_TOO_OLD": Sentences(
        "Signature expired",
        "签名已过期",
        "Timestamp must be {allowed}, got {found}; check the clock",
        "Timestamp 应为 {allowed},收到 {found};请检查时钟",
    ),
    "SIGNATURE_REPLAYED": Sentences(
        "Replayed request",
        "签名请求重复",
        "a request with this nonce was received before; sign each request anew",
        "此 Nonce 已被使用;请为每个请求重新签名",
    ),
    "SIGNATURE_BODY_DIFFERS": Sentences(
        "Body does not match the signature",
        "请求体与签名不符",
        "the body's SHA-256 is not BodySHA256",
        "请求体的 SHA-256 与 BodySHA256 不符",
    ),
    "SESSION_OVER": Sentences("Not signed in", "未登录", "the session has expired; sign in again", "会话已过期,请重新登录"),
    "SIGN_IN_REFUSED": Sentences(
        "Not signed in",
        "登录失败",
        "wrong login or password, or too many attempts; try again later or request a new password",
        "登录名或密码不正确,或尝试次数过多;请稍后重试或重置密码",
    ),
    "CODE_REFUSED": Sentences(
        "Invalid code",
        "代码无效",
        "the code is unknown, expired or already used; request a new one",
        "代码不存在、已被使用或已过期;请重新获取",
    ),
    "CSRF_TOKEN_WRONG": Sentences(
        "CSRF token missing",
        "缺少会话校验令牌",
        "send the session's csrf_token as X-CSRF-Token with every change",
        "每次更改都须以 X-CSRF-Token 发送会话的 csrf_token",
    ),
    "ISSUER_UNKNOWN": Sentences(
        "Unknown issuer", "未知的身份提供方", "issuer must be one of {allowed}", "issuer 应为以下之一:{allowed}"
    ),
    "OAUTH_INVALID_REQUEST": Sentences(
        "Malformed token request",
        "令牌请求格式错误",
        "send grant_type and what it needs as application/x-www-form-urlencoded, each once",
        "请以 application/x-www-form-urlencoded 发送 grant_type 及所需参数,每项一次",
    ),
    "OAUTH_INVALID_CLIENT": Sentences(
        "Client not authenticated", "客户端认证失败", "wrong client id or secret", "客户端编号或密钥不正确"
    ),
    "OAUTH_INVALID_GRANT": Sentences(
        "Invalid refresh token",
        "刷新令牌无效",
        "the refresh token is unknown, expired, revoked or already used; request a new one",
        "刷新令牌不存在、已过期、已撤销或已被使用;请重新获取",
    ),
    "OAUTH_UNSUPPORTED_GRANT_TYPE": Sentences(
        "Grant type not supported",
        "不支持的授权类型",
        "grant_type must be client_credentials or refresh_token",
        "grant_type 必须是 client_credentials 或 refresh_token",
    ),
    "OAUTH_INVALID_SCOPE": Sentences(
        "Scope not available", "权限范围无效", "a scope is unknown or beyond what the client has", "权限范围不存在或超出客户端所有"
    ),
    "CALLER_NOT_FOUND": Sentences(
        "Not found", "未找到", "no caller '{caller_id}' is registered in this tenant", "本租户没有登记调用者 '{caller_id}'"
    ),
    "KEY_NOT_FOUND": Sentences("Not found", "未找到", "key '{key_id}' does not exist", "密钥 '{key_id}' 不存在"),
    "IDENTITY_TAKEN": Sentences(
        "Identity belongs to another caller",
        "身份已属于其他调用者",
        "the subject {found} of this issuer is registered for another caller",
        "该签发者的主体 {found} 已对应其他调用者",
    ),
    "ROLE_MISSING": Sentences(
        "Not allowed for this role",
        "当前角色无此权限",
        "to {action} needs one of the roles {allowed}; this caller has {found}",
        "执行 {action} 需要以下角色之一:{allowed};当前角色为 {found}",
    ),
    "SCOPE_MISSING": Sentences(
        "Not in the scope of this credential",
        "凭证的权限范围不足",
        "this needs the scope {allowed}; the credential has {found}",
        "需要权限范围 {allowed};当前凭证的范围为 {found}",
    ),
    "PARK_NOT_FOUND": Sentences("Not found", "未找到", "park '{park_id}' does not exist", "园区 '{park_id}' 不存在"),
    "PATH_UNKNOWN": Sentences("Not found", "地址不存在", "nothing is served at this address", "此地址没有任何资源"),
    "CURSOR_EXPIRED": Sentences(
        "Cursor expired",
        "游标已过期",
        "changes after cursor {found} have expired, the oldest that is left follows {allowed}; request a cursor by since=newest,"
        " read the state anew, then follow from that cursor",
        "游标 {found} 之后的变更已过期,现存最早的变更在 {allowed} 之后;请以 since=newest 取得游标,重读全部状态,再从该游标继续",
    ),
    "METHOD_NOT_ALLOWED": Sentences(
        "Method not allowed",
        "不支持该请求方法",
        "{found} is not allowed at this address; allowed: {allowed}",
        "此地址不支持 {found};允许:{allowed}",
    ),
    "BODY_TOO_LARGE": Sentences(
        "Body too large",
        "请求体过大",
        "the body must be at most {allowed} bytes; send it in parts",
        "请求体不得超过 {allowed} 字节,请分批发送",
    ),
    "TOO_MANY_ROWS": Sentences(
        "Too many rows",
        "行数过多",
        "a request may carry at most {allowed} rows; send it in parts",
        "一次请求最多 {allowed} 行,请分批发送",
    ),
    "BODY_TOO_SLOW": Sentences(
        "Body too slow",
        "上传超时",
        "the body must arrive within {allowed} seconds",
        "请求体必须在 {allowed} 秒内传完",
    ),
    "SERVER_BUSY": Sentences(
        "Too many uploads at once",
        "服务器繁忙",
        "the uploads in progress fill the gateway's memory limit; try again shortly, nothing of this request was stored",
        "正在处理的上传已占满内存限额,请稍后重试;本次请求未保存任何数据",
    ),
    "RATE_EXCEEDED": Sentences(
        "Too many requests",
        "请求过于频繁",
        "a caller may make {allowed} requests in a minute; try again in {seconds} seconds",
        "每个调用者每分钟最多 {allowed} 次请求;请在 {seconds} 秒后重试",
    ),
    "CLIENT_GONE": Sentences(
        "Incomplete body", "请求体不完整", "the connection ended before the body did", "连接在请求体传完之前中断"
    ),
    "MEDIA_TYPE_UNSUPPORTED": Sentences(
        "Media type not supported",
        "不支持的媒体类型",
        "Content-Type must be one of {allowed}, got {found}",
        "Content-Type 必须是以下之一:{allowed};收到 {found}",
    ),
    "CONTENT_ENCODING_UNSUPPORTED": Sentences(
        "Content encoding not supported",
        "不支持的内容编码",
        "Content-Encoding must be one of {allowed}, got {found}",
        "Content-Encoding 必须是以下之一:{allowed};收到 {found}",
    ),
    "GZIP_BROKEN": Sentences("Not gzip", "不是有效的 gzip", "the body is not gzip: {found}", "请求体不是有效的 gzip:{found}"),
    "UNPACKS_TOO_FAR": Sentences(
        "Decompressed body too large",
        "解压后的请求体过大",
        "the body must not decompress to more than {allowed} times its size",
        "请求体解压后不得超过其自身大小的 {allowed} 倍",
    ),
    "FILE_NOT_READABLE": Sentences(
        "File cannot be read",
        "文件无法读取",
        "the file is not a readable {allowed} file: {found}",
        "该文件不是可读取的 {allowed} 文件:{found}",
    ),
    "CELLS_MERGED": Sentences(
        "Merged cells",
        "存在合并单元格",
        "the cells {found} are merged; only the first of them holds a value: unmerge them and fill in each",
        "单元格 {found} 已合并,其中仅首个单元格有值;请取消合并并逐一填写",
    ),
    "ROW_TOO_LONG": Sentences("Row too long", "数据行过长", "a row may have at most {allowed} bytes", "每行至多 {allowed} 字节"),
    "FILE_TOO_COSTLY": Sentences(
        "File too expensive to read",
        "读取该文件代价过大",
        "reading the file takes more than {allowed}; send it in parts, or as CSV",
        "读取该文件超过了限制({allowed});请分批发送或改用 CSV",
    ),
    "COLUMN_TYPE": Sentences(
        "Column of another type",
        "列类型不符",
        "the column {field} must be {allowed}, got {found}",
        "列 {field} 必须为 {allowed};收到 {found}",
    ),
    "LINE_NOT_TEXT": Sentences(
        "Line cannot be decoded",
        "该行无法解码",
        "the line is not text in {allowed}, as the lines before it are",
        "该行不是 {allowed} 编码的文本,而前面的行是",
    ),
    "CHARSET_UNSUPPORTED": Sentences(
        "Charset not supported",
        "不支持的字符集",
        "the charset must be one of {allowed}, got {found}",
        "字符集必须是以下之一:{allowed};收到 {found}",
    ),
    "BODY_EMPTY": Sentences("Nothing to read", "没有可读内容", "the body holds no rows", "请求体中没有任何数据行"),
    "BODY_NOT_JSON": Sentences("Not JSON", "不是有效的 JSON", "the body is not JSON: {found}", "请求体不是有效的 JSON:{found}"),
    "BODY_NOT_ROWS": Sentences(
        "Not a list of rows",
        "不是数据行列表",
        "the body must be {allowed}, got {found}",
        "请求体必须是 {allowed};收到 {found}",
    ),
    "TEXT_NOT_DECODABLE": Sentences(
        "Text cannot be decoded",
        "文本无法解码",
        "the body is not text in {allowed}: {found}",
        "请求体不是 {allowed} 编码的文本:{found}",
    ),
    "HEADER_MISSING": Sentences(
        "Header line incomplete",
        "表头不完整",
        "the first line must name the columns {allowed}, in a CSV with commas between them; missing: {found}; it is {line}",
        "首行必须包含列名 {allowed},CSV 以逗号分隔;缺少:{found};首行为 {line}",
    ),
    "HEADER_UNKNOWN": Sentences(
        "Unknown column",
        "未知的列",
        "the column {found} is unknown; allowed: {allowed}",
        "未知的列 {found};允许:{allowed}",
    ),
    "HEADER_DUPLICATE": Sentences("Duplicate column", "列名重复", "the column {found} is a duplicate", "列 {found} 出现了两次"),
    "NUMBER_NOT_FINITE": Sentences(
        "Not a JSON number",
        "不是有效的 JSON 数字",
        "{found} is not JSON; leave the row out or send a decimal as a string",
        "{found} 不是有效的 JSON;请去掉该行或以字符串形式发送十进制数",
    ),
    "JSON_TOO_DEEP": Sentences("JSON nested too deeply", "JSON 嵌套过深", "the JSON is nested too deeply", "JSON 嵌套层数过多"),
    "FIELD_DUPLICATE": Sentences(
        "Duplicate member",
        "字段重复",
        "the member {field} is a duplicate: it stands twice in one object",
        "同一对象中字段 {field} 出现了两次",
    ),
    "FIELDS_INVALID": Sentences(
        "Fields are invalid",
        "字段无效",
        "invalid fields: {count}; the first: {first}",
        "有 {count} 个字段无效;第一个:{first}",
    ),
    "FIELD_MISSING": Sentences("Field missing", "缺少字段", "{field} is missing", "缺少字段 {field}"),
    "FIELD_UNKNOWN": Sentences(
        "Unknown field",
        "未知字段",
        "{field} is unknown; allowed: {allowed}",
        "未知字段 {field};允许:{allowed}",
    ),
    "FIELD_NOT_A_STRING": Sentences(
        "Field is not a string",
        "字段不是字符串",
        "{field} must be a string, got {found}",
        "{field} 必须是字符串;收到 {found}",
    ),
    "FIELD_INVALID": Sentences(
        "Field is invalid",
        "字段无效",
        "{field} must be {allowed}, got {found}",
        "{field} 必须为 {allowed};收到 {found}",
    ),
    "QUANTITY_NOT_A_STRING": Sentences(
        "Quantity is not a string",
        "数量不是字符串",
        "quantity must be a string, got {found}: write it as a string so that no digit is lost",
        "数量必须是字符串,收到 {found}:请写成字符串,以免丢失任何一位数字",
    ),
    "CONFIRMED_NOT_A_BOOLEAN": Sentences(
        "Confirmed is neither true nor false",
        "已确认必须为 true 或 false",
        "confirmed must be {allowed}, got {found}",
        "已确认必须为 {allowed};收到 {found}",
    ),
    "ROW_NOT_AN_OBJECT": Sentences(
        "Row is not an object",
        "数据行不是对象",
        "a row must be a JSON object, got {found}",
        "数据行必须是 JSON 对象;收到 {found}",
    ),
    "LINE_NOT_JSON": Sentences("Line is not JSON", "该行不是 JSON", "the line is not JSON: {found}", "该行不是有效的 JSON:{found}"),
    "LINE_TOO_LONG": Sentences(
        "Line too long",
        "该行过长",
        "a row must be at most {allowed} bytes, got {found}",
        "一行不得超过 {allowed} 字节;收到 {found} 字节",
    ),
    "CHARACTER_NOT_ALLOWED": Sentences(
        "Character not allowed",
        "含有不允许的字符",
        "{field} must not contain control characters or halves of surrogate pairs, got {found}",
        "{field} 不得包含控制字符或残缺的代理对;收到 {found}",
    ),
    "COLUMN_COUNT": Sentences(
        "Wrong number of cells",
        "单元格数量不符",
        "the row must have {allowed} cells like the header line, got {found}",
        "该行应与表头一样有 {allowed} 个单元格;收到 {found} 个",
    ),
    "CSV_QUOTES": Sentences(
        "Quotes do not match",
        "引号不匹配",
        "the quotes of this line do not match; a cell ends on its own line",
        "该行引号不匹配;单元格不得跨行",
    ),
    "JOB_NOT_FOUND": Sentences("No such job", "任务不存在", "there is no job {job_id}", "不存在任务 {job_id}"),
    "RESULTS_NOT_FOUND": Sentences(
        "No results",
        "没有结果",
        "job {job_id} has no results, or they have expired",
        "任务 {job_id} 没有结果,或结果已过期",
    ),
    "PROFILE_NOT_FOUND": Sentences(
        "No such mapping profile", "映射方案不存在", "there is no mapping profile {found}", "不存在映射方案 {found}"
    ),
    "PROFILE_TAKEN": Sentences(
        "Not yours to change", "不由您修改", "the id {found} is taken; save yours under another", "编号 {found} 已被占用,请另取"
    ),
    "PROFILE_CHANGED_MEANWHILE": Sentences(
        "Concurrent change",
        "同时被修改",
        "the mapping profile {found} was saved by another request at the same moment; send it again",
        "映射方案 {found} 同时被另一请求保存,请重新发送",
    ),
    "IDEMPOTENCY_KEY_IN_USE": Sentences(
        "Request in progress",
        "相同请求正在处理",
        "a request with the Idempotency-Key {found} is in progress; try again shortly",
        "使用 Idempotency-Key {found} 的请求正在处理,请稍后再试",
    ),
    "IDEMPOTENCY_KEY_REUSED": Sentences(
        "Idempotency-Key reused",
        "幂等键已用于其他请求",
        "the Idempotency-Key {found} was used for another request; use a new key for new content",
        "Idempotency-Key {found} 已用于另一请求;新内容请使用新的键",
    ),
    "IDEMPOTENCY_KEY_MALFORMED": Sentences(
        "Malformed Idempotency-Key",
        "Idempotency-Key 格式错误",
        "Idempotency-Key must be 1 to 255 visible ASCII characters, in quotes or not, got {found}",
        "Idempotency-Key 须为 1 至 255 个可见 ASCII 字符,可带引号;收到 {found}",
    ),
    "WEBHOOK_NOT_FOUND": Sentences("No such webhook", "网络钩子不存在", "there is no webhook {found}", "不存在网络钩子 {found}"),
    "TOO_MANY_WEBHOOKS": Sentences(
        "Too many webhooks",
        "网络钩子过多",
        "a caller may have at most {allowed_own} webhooks, and a tenant {allowed}; delete one first",
        "每个调用者最多 {allowed_own} 个网络钩子,每个租户最多 {allowed} 个,请先删除一个",
    ),
    "DOCUMENT_NOT_FOUND": Sentences(
        "No such document", "文档不存在", "there is no document or file {found}", "不存在文档或文件 {found}"
    ),
    "DOCUMENT_TAKEN": Sentences(
        "Not yours to change", "不由您修改", "the id {found} is taken; save yours under another", "编号 {found} 已被占用,请另取"
    ),
    "DOCUMENT_CHANGED_MEANWHILE": Sentences(
        "Concurrent change",
        "同时被修改",
        "the document {found} was changed by another request at the same moment; send it again",
        "文档 {found} 同时被另一请求修改,请重新发送",
    ),
    "PUSH_INTERRUPTED": Sentences(
        "Interrupted; send the same again",
        "处理中断,请重新发送",
        "{rows_handled} of {rows} rows were handled before accounting became unavailable; sending the same file again is safe",
        "核算服务中断前已处理 {rows} 行中的 {rows_handled} 行;重新发送同一文件是安全的",
    ),
    "ACCOUNTING_UNAVAILABLE": Sentences(
        "Accounting is unavailable",
        "核算服务暂不可用",
        "the accounting service did not answer; try again shortly",
        "核算服务没有响应,请稍后重试",
    ),
    "EVALUATION_UNAVAILABLE": Sentences(
        "Evaluation is unavailable",
        "评价服务暂不可用",
        "the evaluation service did not answer; try again shortly",
        "评价服务没有响应,请稍后重试",
    ),
    "ISSUER_UNAVAILABLE": Sentences(
        "Identity provider is unavailable",
        "身份提供方暂不可用",
        "the issuer of this token did not return its keys; try again shortly",
        "该令牌的签发者没有返回其密钥,请稍后重试",
    ),
    "DATABASE_UNAVAILABLE": Sentences(
        "Database is unavailable",
        "数据库暂不可用",
        "the gateway's database did not answer",
        "网关数据库没有响应",
    ),
    "INTERNAL": Sentences(
        "Internal error",
        "内部错误",
        "something went wrong on our side; give the request id when you report it",
        "服务内部出错;反馈时请提供请求编号",
    ),
}

KINDS: Mapping[str, tuple[str, str]] = {
    "malformed": ("Malformed request", "请求格式错误"),
    "unauthenticated": ("Not authenticated", "未认证"),
    "denied": ("Not allowed", "没有权限"),
    "not_found": ("Not found", "未找到"),
    "method_not_allowed": ("Method not allowed", "不支持该请求方法"),
    "timeout": ("Too slow", "请求超时"),
    "already_exists": ("Exists with other content", "已存在且内容不同"),
    "conflict": ("Conflict", "冲突"),
    "gone": ("Gone", "已不再保留"),
    "too_large": ("Too large", "内容过大"),
    "unsupported": ("Not supported", "不支持"),
    "invalid": ("Invalid request", "请求无效"),
    "exhausted": ("Too many requests", "请求过多"),
    "internal": ("Internal error", "内部错误"),
    "unavailable": ("Unavailable", "服务暂不可用"),
}
"""Titles of what another service refused, by kind: (English, Chinese)."""


def title(reason: str, kind: str, language: Language) -> str:
    """Returns the title of a reason, or of its kind when the reason is another service's."""
    wording = REASONS.get(reason)
    if wording is None:
        english, chinese = KINDS[kind]
        return chinese if language == "zh" else english
    return wording.title_zh if language == "zh" else wording.title_en


def sentence(reason: str, language: Language, facts: Mapping[str, str]) -> str:
    """Returns the sentence of one of the gateway's own reasons with its facts.

    Args:
        reason: A key of REASONS.
        language: zh or en.
        facts: Every fact that the sentence names.
    """
    wording = REASONS[reason]
    return (wording.sentence_zh if language == "zh" else wording.sentence_en).format_map(facts)


def shortened(text: str) -> str:
    """Returns the text cut to FOUND_CHARACTERS, with an ellipsis where it was cut."""
    return text if len(text) <= FOUND_CHARACTERS else text[: FOUND_CHARACTERS - 1] + "…"
