"""All texts of the page in its two languages."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "tagline": (
        "Models wait in host memory and use the GPU only while somebody speaks.",
        "模型在内存中候场，只在有人使用时才占用 GPU。",
    ),
    "clone": ("Clone", "克隆"),
    "edit": ("Edit", "编辑"),
    "stage": ("Stage", "舞台"),
    "source": ("Voice source", "声音来源"),
    "own": ("Recording", "录音"),
    "saved": ("Saved voice", "已保存的声音"),
    "recording": ("Recording, 3 to 30 seconds", "录音，3 至 30 秒"),
    "transcript": ("Transcript of the recording", "录音文本"),
    "transcript_hint": (
        "Filled in automatically; correct any mistakes.",
        "由语音识别自动填写；有误时请更正。",
    ),
    "voice": ("Voice", "声音"),
    "text": ("Text to speak", "要合成的文本"),
    "text_hint": ("Good evening, and welcome.", "晚上好，欢迎。"),
    "language": ("Language", "语言"),
    "automatic": ("Detect from text", "根据文本自动判断"),
    "say": ("Clone voice", "克隆声音"),
    "result": ("Result", "结果"),
    "keep": ("Save this voice", "保存此声音"),
    "name": ("Name", "名称"),
    "consent": ("Consent", "同意声明"),
    "consent_hint": (
        "Who is speaking, and that this person agrees to have their voice cloned.",
        "请写明说话人是谁，并声明其本人同意克隆其声音。",
    ),
    "save": ("Save", "保存"),
    "delete": ("Delete", "删除"),
    "preview": ("Preview", "试听"),
    "voice_saved": ("Saved {name}.", "已保存 {name}。"),
    "voice_deleted": ("Deleted {name}.", "已删除 {name}。"),
    "before": ("Before", "编辑前"),
    "after": ("After", "编辑后"),
    "task": ("Edit type", "编辑类型"),
    "info": ("Setting", "选项"),
    "new_text": ("New text, with [sounds] in brackets", "新文本，可加方括号声音标签"),
    "apply": ("Apply", "应用"),
    "again": ("Edit the result again", "继续编辑结果"),
    "from_clone": ("Use the last clone", "使用最近的克隆结果"),
    "history": ("This session", "本次会话"),
    "no_history": ("No clips yet.", "暂无音频。"),
    "take": ("Load a clip for editing", "选择要编辑的音频"),
    "model": ("Model", "模型"),
    "load": ("Load", "加载"),
    "offload": ("Offload", "移至内存"),
    "restore": ("Restore", "恢复"),
    "unload": ("Unload", "卸载"),
    "policy": ("Policy for", "策略："),
    "offload_after": ("Idle seconds until offload (-1: never)", "空闲多少秒后移至内存（-1：从不）"),
    "unload_after": ("Idle seconds until unload (-1: never)", "空闲多少秒后卸载（-1：从不）"),
    "pinned": ("Pinned: always hot", "常驻：始终在台上"),
    "set_policy": ("Apply until restart", "应用（重启后失效）"),
    "policy_set": ("Policy for {name} applied.", "已应用 {name} 的策略。"),
    "memory": ("GPU memory", "显存"),
    "now": ("now", "现在"),
    "log": ("Events", "事件记录"),
    "no_log": ("No events yet.", "暂无事件。"),
    "caches": ("Analysis cache", "分析缓存"),
    "no_caches": ("No model has a cache.", "没有模型使用缓存。"),
    "clear_caches": ("Clear cache", "清空缓存"),
    "caches_cleared": ("The cache is empty.", "缓存已清空。"),
    "entries": ("Entries", "条目"),
    "size": ("Size", "大小"),
    "found": ("Hits / all", "命中 / 总数"),
    "idle": ("idle {seconds}", "空闲 {seconds}"),
    "busy": ("{leases} running, {waiting} waiting", "{leases} 个运行中，{waiting} 个等待"),
    "device": ("device", "显存"),
    "host": ("host", "内存"),
    "cold": ("cold", "离场"),
    "warm": ("warm", "候场"),
    "hot": ("hot", "在台上"),
    "loading": ("loading", "加载中"),
    "restoring": ("restoring", "恢复中"),
    "offloading": ("offloading", "移至内存中"),
    "unloading": ("unloading", "卸载中"),
    "listening": ("Listening", "识别中"),
    "speaking": ("Synthesising", "合成中"),
    "editing": ("Editing", "编辑中"),
    "waiting": ("Waiting for {model}", "等待 {model}"),
    "coming": ("{model} is {state}", "{model} {state}"),
    "done": (
        "{seconds} s of audio in {took} s ({start} start)",
        "{seconds} 秒音频，用时 {took} 秒（{start}启动）",
    ),
    "no_recording": ("Upload or record a voice first.", "请先上传或录制声音。"),
    "no_text": ("Enter the text to speak first.", "请先填写要合成的文本。"),
    "no_voice": ("Choose a voice first.", "请先选择声音。"),
    "no_result": ("There is no result to edit yet.", "还没有可供编辑的结果。"),
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
        return _WORDS[key][self._column].format(**values)

    def known(self, key: str) -> str:
        """The word for something the server names, itself where there is none."""
        return self(key) if key in _WORDS else key
