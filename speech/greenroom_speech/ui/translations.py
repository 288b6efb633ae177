"""All words of the page in its two languages."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "tagline": (
        "Voices wait in host memory and take the GPU only while somebody speaks.",
        "声音在主机内存中候场，只在有人说话时才占用 GPU。",
    ),
    "clone": ("Clone", "克隆"),
    "edit": ("Edit", "编辑"),
    "stage": ("Stage", "舞台"),
    "source": ("Voice from", "声音来源"),
    "own": ("a recording", "录音"),
    "saved": ("a saved voice", "已保存的声音"),
    "recording": ("Recording, 3 to 30 seconds", "录音，3 至 30 秒"),
    "transcript": ("What the recording says", "录音内容"),
    "transcript_hint": (
        "Filled in by speech recognition; correct it if it is wrong.",
        "由语音识别自动填写；有误时请更正。",
    ),
    "voice": ("Voice", "声音"),
    "text": ("What to say", "要说的内容"),
    "text_hint": ("Good evening, and welcome.", "晚上好，欢迎。"),
    "language": ("Language", "语言"),
    "automatic": ("by the text", "按文本判断"),
    "say": ("Clone the voice", "克隆声音"),
    "result": ("Result", "结果"),
    "keep": ("Keep this voice", "保存此声音"),
    "name": ("Name", "名称"),
    "consent": ("Consent", "同意声明"),
    "consent_hint": (
        "Who speaks, and that this person agrees to be cloned.",
        "说话人是谁，以及其本人同意声音被克隆。",
    ),
    "save": ("Save", "保存"),
    "delete": ("Delete", "删除"),
    "preview": ("Preview", "试听"),
    "voice_saved": ("{name} is saved.", "已保存 {name}。"),
    "voice_deleted": ("{name} is deleted.", "已删除 {name}。"),
    "before": ("Before", "编辑前"),
    "after": ("After", "编辑后"),
    "task": ("Change", "修改"),
    "info": ("To", "目标"),
    "new_text": ("New words, with sounds in brackets", "新文本，可带方括号声音标签"),
    "apply": ("Apply", "应用"),
    "again": ("Go on with the result", "在结果上继续"),
    "from_clone": ("Take the clone", "使用克隆结果"),
    "history": ("This session", "本次会话"),
    "no_history": ("Nothing has been made yet.", "尚无内容。"),
    "take": ("Use as the recording before", "用作编辑前的录音"),
    "model": ("Model", "模型"),
    "load": ("Load", "加载"),
    "offload": ("Offload", "卸到内存"),
    "restore": ("Restore", "恢复"),
    "unload": ("Unload", "卸载"),
    "policy": ("Policy of", "策略："),
    "offload_after": ("Idle seconds until offload (-1: never)", "空闲多少秒后卸到内存（-1：从不）"),
    "unload_after": ("Idle seconds until unload (-1: never)", "空闲多少秒后卸载（-1：从不）"),
    "pinned": ("Pinned: always hot", "常驻：始终在台上"),
    "set_policy": ("Set until restart", "设置（重启前有效）"),
    "policy_set": ("Set for {name}.", "已设置 {name}。"),
    "memory": ("Device", "显存"),
    "now": ("now", "现在"),
    "log": ("What happened", "事件记录"),
    "no_log": ("Nothing yet.", "暂无。"),
    "caches": ("Kept analyses", "分析缓存"),
    "no_caches": ("No model keeps any.", "没有模型在缓存。"),
    "clear_caches": ("Clear", "清空缓存"),
    "caches_cleared": ("What was kept is forgotten.", "缓存已清空。"),
    "entries": ("Entries", "条目"),
    "size": ("Size", "大小"),
    "found": ("Hits / asked", "命中 / 查询"),
    "idle": ("idle {seconds}", "空闲 {seconds}"),
    "busy": ("{leases} running, {waiting} waiting", "{leases} 个运行中，{waiting} 个等待"),
    "device": ("device", "显存"),
    "host": ("host", "内存"),
    "cold": ("cold", "离场"),
    "warm": ("warm", "候场"),
    "hot": ("hot", "在台上"),
    "loading": ("loading", "加载中"),
    "restoring": ("restoring", "恢复中"),
    "offloading": ("offloading", "卸到内存中"),
    "unloading": ("unloading", "卸载中"),
    "listening": ("Listening", "识别中"),
    "speaking": ("Synthesising", "合成中"),
    "editing": ("Editing", "编辑中"),
    "waiting": ("Waiting for {model}", "等待 {model}"),
    "coming": ("{model} is {state}", "{model} {state}"),
    "done": (
        "{seconds} s of sound in {took} s ({start} start)",
        "{seconds} 秒音频，用时 {took} 秒（{start}启动）",
    ),
    "no_recording": ("Upload or record a voice first.", "请先上传或录制声音。"),
    "no_text": ("Write what to say first.", "请先填写要说的内容。"),
    "no_voice": ("Choose a voice first.", "请先选择声音。"),
    "no_result": ("There is no result to go on with yet.", "还没有可以继续的结果。"),
    "switch": ("中文", "English"),
    "emotion": ("emotion", "情感"),
    "style": ("style", "风格"),
    "speed": ("speed", "语速"),
    "paralinguistic": ("sounds", "副语言"),
    "denoise": ("remove noise", "降噪"),
    "vad": ("remove silence", "去静音"),
}


class Translations:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = list(LANGUAGES).index(language)

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values filled in."""
        return _WORDS[key][self._column].format(**values)

    def known(self, key: str) -> str:
        """Return the word for something the server names, itself where there is none."""
        return self(key) if key in _WORDS else key
