"""All texts of the page in its two languages."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "tagline": (
        "Models wait in host memory and use the GPU only while somebody speaks.",
        "模型在内存中待命，只在有人使用时才占用 GPU。",
    ),
    "speak": ("Speak", "朗读"),
    "edit": ("Edit", "编辑"),
    "transcribe": ("Transcribe", "转写"),
    "stage": ("Models", "模型"),
    "source": ("Which voice speaks", "用谁的声音"),
    "saved": ("A voice from the list", "列表中的声音"),
    "own": ("The voice in a recording", "录音中的声音"),
    "recording": ("Recording", "录音"),
    "reference": ("Recording of the voice", "参考录音"),
    "reference_seconds": (
        "Recording of the voice, {seconds} seconds at most",
        "参考录音，最长 {seconds} 秒",
    ),
    "samples": ("No recording at hand? Try one of these", "手边没有录音？试试这些"),
    "transcript": ("What the recording says", "录音内容"),
    "transcript_hint": (
        "Recognised automatically; please correct any mistakes.",
        "自动识别的结果，如有错误请修改。",
    ),
    "voice": ("Voice", "声音"),
    "text": ("Text to speak", "要朗读的文本"),
    "sample_text": (
        "Good evening, and welcome. Change these words, and you will hear yours.",
        "晚上好，欢迎光临。把这段文字换成你想听的内容吧。",
    ),
    "more": ("More settings", "更多设置"),
    "language": ("Language", "语言"),
    "automatic": ("Detect from the text", "根据文本自动判断"),
    "say": ("Speak", "朗读"),
    "seed": ("Seed", "随机种子"),
    "seed_hint": (
        "The same number gives the same result again. Leave it empty for a new one each time.",
        "数字相同，结果就相同；留空则每次都不同。",
    ),
    "sounds": ("Insert a sound", "插入声音标签"),
    "draws": ("How many versions", "生成版本数"),
    "draws_hint": (
        "All of them appear below, the best one first.",
        "全部显示在下方，效果最好的排在最前。",
    ),
    "drawn": (
        "{number} versions are below, the best one first.",
        "下方有 {number} 个版本，效果最好的排在最前。",
    ),
    "seed_used": ("Seed {seed}.", "种子 {seed}。"),
    "stop": ("Stop", "停止"),
    "stopped": ("Stopped.", "已停止。"),
    "come": ("{seconds} s ready", "已生成 {seconds} 秒"),
    "result": ("Result", "结果"),
    "keep": ("Add this voice to the list", "把这个声音加入列表"),
    "name": ("Name", "名称"),
    "consent": ("Consent", "同意声明"),
    "consent_hint": (
        "Who is speaking, and that this person agrees to have their voice cloned.",
        "请写明说话人是谁，并声明其本人同意克隆其声音。",
    ),
    "save": ("Add", "加入"),
    "delete": ("Remove from the list", "从列表中删除"),
    "preview": ("Listen", "试听"),
    "voice_saved": ("Saved {name}.", "已保存 {name}。"),
    "voice_deleted": ("Deleted {name}.", "已删除 {name}。"),
    "before": ("Before", "编辑前"),
    "after": ("After", "编辑后"),
    "task": ("What to change", "修改内容"),
    "info": ("How", "修改方式"),
    "new_text": ("New text, with [sounds] in brackets", "新文本，可用方括号插入声音标签"),
    "apply": ("Change the recording", "修改录音"),
    "history": ("Your audio", "我的音频"),
    "no_history": ("What you make appears here.", "生成的音频会显示在这里。"),
    "edit_this": ("Edit", "编辑"),
    "remove": ("Remove", "删除"),
    "download": ("Download", "下载"),
    "forgotten": (
        "This audio was removed to make room for newer audio.",
        "为给新的音频腾出空间，这段音频已被删除。",
    ),
    "file": ("Audio or video file, of any length", "音频或视频文件，长度不限"),
    "microphone": ("Or record", "或者录音"),
    "begin": ("Transcribe", "转写"),
    "heard_language": ("Detect from the recording", "根据录音自动判断"),
    "heard": ("Text", "文本"),
    "heard_of": ("{heard} of {whole}", "{heard} / {whole}"),
    "heard_so_far": ("{heard} so far", "已到 {heard}"),
    "all_heard": ("The transcription is complete.", "转写完成。"),
    "no_words": ("No speech was found in this recording.", "录音中没有检测到语音。"),
    "nothing_to_hear": ("Choose a file or record something first.", "请先选择文件，或录一段音。"),
    "start": ("From", "开始"),
    "end": ("To", "结束"),
    "said": ("Text", "内容"),
    "model": ("Model", "模型"),
    "load": ("Load", "加载"),
    "offload": ("Offload", "移至内存"),
    "restore": ("Restore", "恢复"),
    "unload": ("Unload", "卸载"),
    "policy": ("When {name} leaves the GPU", "{name} 何时释放 GPU"),
    "offload_after": (
        "Idle seconds until it leaves the GPU (-1: never)",
        "空闲多少秒后移出显存（-1：从不）",
    ),
    "unload_after": (
        "Idle seconds until it leaves memory too (-1: never)",
        "空闲多少秒后移出内存（-1：从不）",
    ),
    "pinned": ("Pinned: always stays loaded", "常驻：始终保持加载"),
    "set_policy": ("Apply until restart", "应用（重启后失效）"),
    "policy_set": ("Policy for {name} applied.", "已应用 {name} 的策略。"),
    "minutes": (
        "Model states in the last {minutes} minutes",
        "最近 {minutes} 分钟的模型状态",
    ),
    "now": ("now", "现在"),
    "log": ("Events", "事件记录"),
    "no_log": ("No events yet.", "暂无事件。"),
    "caches": ("Analysis cache", "分析缓存"),
    "no_caches": ("No model has a cache.", "没有使用缓存的模型。"),
    "clear_caches": ("Clear cache", "清空缓存"),
    "caches_cleared": ("The cache is empty.", "缓存已清空。"),
    "entries": ("Entries", "条目"),
    "size": ("Size", "大小"),
    "found": ("Hits / requests", "命中 / 请求"),
    "idle": ("idle {seconds}", "空闲 {seconds}"),
    "busy": ("{leases} running, {waiting} waiting", "{leases} 个运行中，{waiting} 个等待"),
    "device": ("GPU memory", "显存"),
    "process": ("Memory", "内存"),
    "cold": ("cold", "未加载"),
    "warm": ("warm", "待命"),
    "hot": ("hot", "就绪"),
    "loading": ("loading", "加载中"),
    "restoring": ("restoring", "恢复中"),
    "offloading": ("offloading", "正在移至内存"),
    "unloading": ("unloading", "卸载中"),
    "listening": ("Recognising", "识别中"),
    "speaking": ("Speaking", "朗读中"),
    "editing": ("Editing", "编辑中"),
    "waiting": ("Waiting for {model}", "等待 {model}"),
    "coming": ("{model} is {state}", "{model} {state}"),
    "done": (
        "{seconds} s of audio in {took} s ({start} start)",
        "{seconds} 秒音频，用时 {took} 秒（启动前：{start}）",
    ),
    "no_recording": ("Upload or record a voice first.", "请先上传或录制声音。"),
    "no_text": ("Enter the text to speak first.", "请先填写要朗读的文本。"),
    "no_voice": ("Choose a voice first.", "请先选择声音。"),
    "switch": ("中文", "English"),
    "emotion": ("emotion", "情感"),
    "style": ("style", "风格"),
    "speed": ("speed", "语速"),
    "paralinguistic": ("sounds", "笑声、叹息等"),
    "denoise": ("remove noise", "降噪"),
    "vad": ("remove silence", "去除静音"),
    "English, female, calm": ("English, female, calm", "英语，女声，平静"),
    "English, male, deep": ("English, male, deep", "英语，男声，低沉"),
    "Mandarin, female": ("Mandarin, female", "普通话，女声"),
    "Mandarin, male": ("Mandarin, male", "普通话，男声"),
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
