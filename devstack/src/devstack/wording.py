"""What the command says, in both languages, and which of them to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

LANGUAGES = ("zh", "en")


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Returns "zh" or "en": what `--lang` says wherever it stands, else what the locale says, else English.

    >>> language_of(["report", "--lang=zh"], {})
    'zh'
    >>> language_of([], {"LANG": "zh_CN.UTF-8"})
    'zh'
    >>> language_of(["--lang", "en"], {"LANG": "zh_CN.UTF-8"})
    'en'
    """
    for argument, following in pairwise([*arguments, ""]):
        said = following if argument == "--lang" else argument.removeprefix("--lang=")
        if said != argument and said in LANGUAGES:
            return said
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if locale.startswith("zh") else "en"


@dataclass(frozen=True)
class Words:
    """The sentences of one language."""

    language: str

    def __call__(self, key: str, **facts: object) -> str:
        """Returns the sentence of that key with its facts."""
        return SENTENCES[key][LANGUAGES.index(self.language)].format(**facts)

    def name(self, zh: str, en: str) -> str:
        """Returns the one of two names that is in this language."""
        return zh if self.language == "zh" else en

    def indicator(self, name: str) -> str:
        """Returns what an indicator is called; its code when there is no word for it."""
        key = f"indicator.{name}"
        return self(key) if key in SENTENCES else name


SENTENCES: Mapping[str, tuple[str, str]] = {
    "help": ("园区碳账户平台：启动、上报、查询。", "The carbon account of industrial parks: start it, push to it, report from it."),
    "help.up": (
        "在一个进程中启动全部服务并载入示范园区。",
        "Start every service in one process and load the demo park.",
    ),
    "help.push": (
        "上报活动数据文件（CSV、NDJSON、JSON、XLSX、Parquet）。",
        "Push a file of activity data (CSV, NDJSON, JSON, XLSX, Parquet).",
    ),
    "help.profile": ("读取文件所用的映射方案。", "Mapping profile that the file is read with."),
    "help.from_start": (
        "从头上报，不从上次中断处继续。",
        "Push from the start, not from where an interrupted push of this file stopped.",
    ),
    "no_log": (
        "无法写入 {path}：中断后将从头上报，不会重复计入。",
        "cannot write {path}: after an interruption everything is sent again, and nothing counts twice.",
    ),
    "push.progress": ("{share}%：已应答 {rows} 行", "{share} %: {rows} rows answered"),
    "help.report": ("打印园区某年的碳账户指标。", "Print the indicators of a park for one year."),
    "help.rebuild-sums": (
        "由活动记录重新计算园区汇总并报告差异。",
        "Compute a park's sums anew from its records and say what differed.",
    ),
    "help.migrate": (
        "将各服务的数据库结构升级到最新版本；地址取自 ACCOUNTING_DATABASE__URL、EVALUATION_DATABASE__URL 与"
        " GATEWAY_DATABASE__URL。",
        "Bring the schema of each service up to date; ACCOUNTING_DATABASE__URL, EVALUATION_DATABASE__URL and"
        " GATEWAY_DATABASE__URL say where.",
    ),
    "migrated": ("{service}：结构已是最新版本", "{service}: the schema is up to date"),
    "nothing_to_migrate": (
        "未指定数据库：请设置 {variables} 中的至少一个。",
        "no database is named: set at least one of {variables}.",
    ),
    "not_migrated": ("{service}：未升级，结构保持不变：{reason}", "{service}: not migrated, the schema is as it was: {reason}"),
    "help.fsck": (
        "核对存储的活动记录是否与接收时一致；直接读取数据库，不经过服务，运行前请先停止使用数据目录的平台。",
        "Check that the stored records are those that were accepted: reads the databases alone; end a platform that runs on the"
        " data folder first.",
    ),
    "help.fsck.data": ("单机平台的数据目录。", "Data folder of a platform in one process."),
    "help.fsck.accounting_url": (
        "accounting 数据库地址，代替数据目录中的文件。",
        "Where accounting's database is, in place of the file in the data folder.",
    ),
    "help.fsck.gateway_url": (
        "gateway 数据库地址：与变更流中的链头比较。",
        "Where the gateway's database is: the heads in its change feed are compared with.",
    ),
    "help.fsck.heads": (
        "先前用 --export 导出的链头文件：与之比较。",
        "File of heads that --export wrote earlier, to compare with.",
    ),
    "help.fsck.export": (
        "未发现问题时将各园区的链头写入文件；请保存在数据库之外。",
        "Write the head of every park into a file, if nothing was found; keep it away from the database.",
    ),
    "fsck.unreadable": ("无法核对：{reason}", "cannot be checked: {reason}"),
    "fsck.park": (
        "{park}：{records} 条记录，链头位于第 {position} 位：{head}",
        "{park}: {records} records, head at position {position}: {head}",
    ),
    "fsck.at": ("第 {position} 位", "position {position}"),
    "fsck.within": ("第 {position} 至 {upto} 位", "positions {position} to {upto}"),
    "fsck.changed": (
        "{place}：记录或其前一位的链值与接收时不符",
        "{place}: the record, or the digest before it, is not what was accepted",
    ),
    "fsck.missing": ("{place}：记录缺失", "{place}: the record is missing"),
    "fsck.extra": ("{place}：该记录从未被接收", "{place}: the record was never accepted"),
    "fsck.link": ("{place}：链值缺失或无效", "{place}: the digests of the chain are missing or void"),
    "fsck.head": ("{place}：台账中的链头与链不符", "{place}: the head in the ledger is not that of the chain"),
    "fsck.told": (
        "{place}：链与先前告知的链头不符（{told_by}），记录已被改写",
        "{place}: the chain is not the one that was told ({told_by}): records were rewritten",
    ),
    "fsck.gone": (
        "{place}：先前告知过这些位置（{told_by}），记录已被移除",
        "{place}: these were told ({told_by}), and the records are gone",
    ),
    "fsck.park_differs": ("园区、其台账或其租户缺失或不符", "the park, its ledger or its tenant is missing or another"),
    "fsck.key": (
        "{place}：记录 {record_id} 的键不符，可由 sums:rebuild 修复",
        "{place}: the key of record {record_id} is wrong; sums:rebuild mends it",
    ),
    "fsck.sum": (
        "排放源 {source} 在 {first} 至 {last} 的汇总不符，可由 sums:rebuild 修复",
        "the sum of source {source} from {first} to {last} is wrong; sums:rebuild mends it",
    ),
    "fsck.untold": (
        "注意：没有先前告知的链头涵盖第 {first} 至 {last} 位",
        "note: no head that was told earlier stands for positions {first} to {last}",
    ),
    "fsck.total": (
        "共核对 {parks} 个园区、{records} 条记录；有问题的园区：{broken}",
        "{parks} parks with {records} records checked; parks with findings: {broken}",
    ),
    "fsck.exported": ("链头已写入 {path}", "heads written to {path}"),
    "help.parks": ("列出园区。", "List the parks."),
    "help.lang": ("语言；默认取自 LANG。", "Language; LANG decides when left out."),
    "help.url": ("平台地址；默认取自连接文件。", "Where the platform is; the connection file says when left out."),
    "help.token": ("访问令牌；默认取自连接文件。", "Bearer token; the connection file's when left out."),
    "help.connection": (
        "连接文件；默认是数据目录中的 connection.json。",
        "Connection file; connection.json in the data folder when left out.",
    ),
    "help.data": ("数据目录。", "Data folder."),
    "help.port": ("HTTP 端口，0 表示任一空闲端口。", "HTTP port; 0 is any that is free."),
    "help.park": ("园区编号。", "Park id."),
    "help.year": ("年份。", "Year."),
    "error": ("错误：{what}", "error: {what}"),
    "no_connection": (
        "没有连接文件 {path}：请先运行 parkcarbon up，或设置 PARKCARBON_URL 与 PARKCARBON_TOKEN。",
        "there is no connection file {path}: run parkcarbon up first, or set PARKCARBON_URL and PARKCARBON_TOKEN.",
    ),
    "url_without_token": (
        "给出了地址 {url} 但没有令牌：请设置 PARKCARBON_TOKEN 或 --token。",
        "the url {url} is given but no token: set PARKCARBON_TOKEN or --token.",
    ),
    "unreachable": (
        "{url} 没有应答：平台在运行吗（parkcarbon up）？",
        "no answer from {url}: is the platform running (parkcarbon up)?",
    ),
    "interrupted": (
        "在 {rows} 行之后中断；重新上报同一文件即可继续，不会重复计入。",
        "interrupted after {rows} rows; push the same file again to go on, nothing counts twice.",
    ),
    "pushing": ("上报 {file}", "pushing {file}"),
    "receipt": (
        "共 {rows} 行：新接收 {accepted}，重复 {duplicate}，更正 {superseded}，拒绝 {rejected}",
        "{rows} rows: {accepted} accepted, {duplicate} duplicate, {superseded} superseded, {rejected} rejected",
    ),
    "rejected": ("被拒绝的行", "Rejected rows"),
    "rejected.more": ("……还有 {more} 行", "… and {more} more"),
    "row": ("行", "row"),
    "record": ("记录", "record"),
    "reason": ("原因", "reason"),
    "problem": ("说明", "problem"),
    "parks": ("园区", "Parks"),
    "no_parks": ("没有园区。", "There are no parks."),
    "park": ("园区", "park"),
    "name": ("名称", "name"),
    "region": ("行政区划", "region"),
    "factor_set": ("因子集", "factor set"),
    "report": ("{park} {year} 年碳账户", "Carbon account of {park}, {year}"),
    "report.basis": (
        "因子集 {factor_set}，电力折标 {conversion}，{records} 条记录",
        "factor set {factor_set}, electricity in standard coal by {conversion}, {records} records",
    ),
    "report.straddling": (
        "另有 {records} 条记录跨年，未计入。",
        "{records} more records lie only partly in the year and are not counted.",
    ),
    "indicator": ("指标", "indicator"),
    "value": ("数值", "value"),
    "unit": ("单位", "unit"),
    "missing": ("未给出的原因", "why it is not given"),
    "conversion.calorific": ("当量值", "calorific value"),
    "conversion.coal_equivalence": ("等价值", "coal equivalence"),
    "energy_mix": ("能源结构", "Energy mix"),
    "carrier": ("能源品种", "carrier"),
    "share": ("占比 %", "share %"),
    "groups": ("按范围和核算项", "By scope and item"),
    "scope": ("范围", "scope"),
    "item": ("核算项", "item"),
    "emissions_t": ("排放 t CO2e", "emissions t CO2e"),
    "energy_tce": ("能耗 tce", "energy tce"),
    "records": ("记录数", "records"),
    "total": ("合计", "total"),
    "rebuilding": ("重新计算 {park} 的汇总（任务 {job}）", "computing the sums of {park} anew (job {job})"),
    "rebuilt": ("任务 {state}：{result}", "job {state}: {result}"),
    "demo": ("示范园区：{park}", "Demo park: {park}"),
    "year": ("年份", "year"),
    "emissions_10k_t": ("排放 万t", "emissions 10^4 t"),
    "published_10k_t": ("论文 万t", "published 10^4 t"),
    "deviation": ("偏差 %", "deviation %"),
    "intensity": ("强度 t/万元", "intensity t/10^4 CNY"),
    "evaluated": (
        "按 69 项指标评价（{year}）：已知 {known} 项，缺 {missing} 项，覆盖权重 {coverage} %",
        "Evaluated by the 69 indicators ({year}): {known} known, {missing} missing, {coverage} % of the weight",
    ),
    "reach": (
        "已知部分得分 {score} / {scale}；补齐后总分在 {low} 至 {high} 之间",
        "What is known scores {score} of {scale}; with the rest the total lies from {low} to {high}",
    ),
    "first": ("优先填报权重最大的缺失指标：{indicators}", "To enter first, as they weigh most: {indicators}"),
    "synthetic": (
        "阈值集 {set} 为虚构，仅供试算，使用它的结果会注明",
        "Threshold set {set} is made up, for trying scores; whatever uses it says so",
    ),
    "node": ("指标", "indicator"),
    "score": ("得分", "score"),
    "reachable": ("可能区间", "can be"),
    "covered": ("覆盖 %", "covered %"),
    "no_value": ("缺失", "missing"),
    "source": ("来源：{source}", "Source: {source}"),
    "serving": ("平台地址 {url}，接口文档 {docs}", "The platform is at {url}, its API documentation at {docs}"),
    "connection": ("连接文件 {path}，数据目录 {data}", "Connection file {path}, data folder {data}"),
    "credentials": ("示范令牌（租户 {tenant}）", "Demo tokens (tenant {tenant})"),
    "role": ("角色", "role"),
    "token": ("令牌", "token"),
    "stop_hint": ("按 Ctrl-C 结束。", "Ctrl-C ends it."),
    "stopping": ("正在结束……（再按一次 Ctrl-C 强制退出）", "Ending … (Ctrl-C again forces it)"),
    "stopped": ("已结束，数据已保存在 {data}。", "Ended; the data is kept in {data}."),
    "port_taken": (
        "端口 {port} 已被占用：请用 PARKCARBON_PORT 选择另一个（0 表示任一空闲端口）。",
        "port {port} is taken: choose another with PARKCARBON_PORT (0 is any that is free).",
    ),
    "port_refused": (
        "不能使用端口 {port}（{why}）：请用 PARKCARBON_PORT 选择另一个。",
        "port {port} cannot be used ({why}): choose another with PARKCARBON_PORT.",
    ),
    "folder_in_use": (
        "数据目录 {folder} 正由另一个进程（{pid}）使用：请先结束它，或用 PARKCARBON_DATA 选择另一个目录。",
        "the data folder {folder} is in use by another stack (process {pid}): end that one, or choose another folder with "
        "PARKCARBON_DATA.",
    ),
    "indicator.emissions_t_co2e": ("碳排放量", "emissions"),
    "indicator.emissions_scope_1_t_co2e": ("范围一排放", "emissions, scope 1"),
    "indicator.emissions_scope_2_t_co2e": ("范围二排放", "emissions, scope 2"),
    "indicator.emissions_scope_3_t_co2e": ("范围三排放", "emissions, scope 3"),
    "indicator.removals_t_co2e": ("碳移除", "removals"),
    "indicator.energy_tce": ("能源消费量", "energy consumption"),
    "indicator.emissions_intensity_t_per_10k_cny": ("单位产值碳排放", "emissions per output"),
    "indicator.energy_intensity_tce_per_10k_cny": ("单位产值能耗", "energy per output"),
    "indicator.emissions_per_value_added_t_per_10k_cny": ("单位增加值碳排放", "emissions per value added"),
    "indicator.emissions_per_employee_t": ("人均碳排放", "emissions per employee"),
    "indicator.emissions_per_land_area_t_per_km2": ("地均碳排放", "emissions per land area"),
    "indicator.emissions_per_gdp_t_per_10k_cny": ("单位 GDP 碳排放", "emissions per GDP"),
    "indicator.carbon_per_energy_t_per_tce": ("单位能耗碳排放", "carbon per energy"),
    "indicator.carbon_per_energy_t_co2_per_tce": ("单位能耗碳排放", "carbon per energy"),
}
