"""All settings, and the only reader of the environment. Every variable is optional; the defaults serve this machine."""

from datetime import timedelta
from pathlib import Path

from corsheaders.defaults import default_headers

from api.openapi import SPECTACULAR
from cv.engine.config import WEIGHTS_DIR, Backend, DecodeLimits, EngineConfig, Pack, VideoLimits
from cv.engine.labels import Attribute
from cv.search.base import Search
from cv.trust.chips import FaceChips
from cv.trust.limits import MOST_DAYS_SET
from cv.trust.sign_on import SignOn
from web.look import UNFOLD as UNFOLD
from xcloud import __version__, env
from xcloud.private_files import keep_private

BASE_DIR = Path(__file__).resolve().parent.parent
# Every command reads this file; variables of the environment take precedence.
env.load_file("XCLOUD_ENV_FILE", BASE_DIR / ".env")
# Everything the service writes, unless DATABASE_URL says otherwise.
VAR_DIR = env.path("XCLOUD_VAR_DIR", BASE_DIR / "var")
VAR_DIR.mkdir(parents=True, exist_ok=True)

XCLOUD_VERSION = __version__
DEBUG = env.boolean("XCLOUD_DEBUG", False)
SECRET_KEY = env.secret("SECRET_KEY", VAR_DIR / "secret_key")
ALLOWED_HOSTS = env.words("XCLOUD_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("XCLOUD_CSRF_TRUSTED_ORIGINS", "")

# Pages of other origins whose scripts may call the API, with a key: they never get a session's cookies.
XCLOUD_CORS_ORIGINS = env.origins("XCLOUD_CORS_ORIGINS", "")
CORS_ALLOW_ALL_ORIGINS = "*" in XCLOUD_CORS_ORIGINS
CORS_ALLOWED_ORIGINS = [origin for origin in XCLOUD_CORS_ORIGINS if origin != "*"]
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key", "if-none-match", "x-request-id")
CORS_EXPOSE_HEADERS = (
    "ETag", "Idempotency-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "X-Model-Version",
    "X-Request-ID",
)  # fmt: skip

# Comparing and searching faces: off unless the operator says what for, on which legal basis; pages and API show both.
XCLOUD_IDENTITY = env.boolean("XCLOUD_IDENTITY", False)
XCLOUD_IDENTITY_PURPOSE = env.statement("XCLOUD_IDENTITY_PURPOSE", needed_by="XCLOUD_IDENTITY", needed=XCLOUD_IDENTITY)
XCLOUD_IDENTITY_LEGAL_BASIS = env.statement(
    "XCLOUD_IDENTITY_LEGAL_BASIS", needed_by="XCLOUD_IDENTITY", needed=XCLOUD_IDENTITY
)
# Thresholds and odds that `manage.py fit_odds` fitted on the operator's own pictures.
XCLOUD_IDENTITY_ODDS = env.path("XCLOUD_IDENTITY_ODDS", VAR_DIR / "odds.json")

# The engines: one process per slot (below).
MAX_IMAGE_BYTES = env.integer("XCLOUD_MAX_IMAGE_BYTES", DecodeLimits().max_bytes)
XCLOUD_ENGINE = EngineConfig(
    weights_dir=env.choice("XCLOUD_WEIGHTS", Pack.RESEARCH).folder(env.path("XCLOUD_WEIGHTS_DIR", WEIGHTS_DIR)),
    backend=env.choice("XCLOUD_ENGINE_BACKEND", Backend.ONNX),
    # Threads of one net. 1 is best if as many images as cores are analyzed in parallel.
    threads=env.integer("XCLOUD_ENGINE_THREADS", 1),
    image_seconds=env.integer("XCLOUD_IMAGE_SECONDS", 20),
    limits=DecodeLimits(
        max_bytes=MAX_IMAGE_BYTES,
        max_pixels=env.integer("XCLOUD_MAX_IMAGE_PIXELS", DecodeLimits().max_pixels),
    ),
    video=VideoLimits(
        max_bytes=env.integer("XCLOUD_VIDEO_MAX_BYTES", VideoLimits().max_bytes),
        max_seconds=env.integer("XCLOUD_VIDEO_MAX_SECONDS", VideoLimits().max_seconds),
        max_pixels=env.integer("XCLOUD_VIDEO_MAX_PIXELS", VideoLimits().max_pixels),
        max_frames=env.integer("XCLOUD_VIDEO_MAX_FRAMES", VideoLimits().max_frames),
        work_seconds=env.integer("XCLOUD_VIDEO_WORK_SECONDS", VideoLimits().work_seconds),
    ),
    plugins=tuple(env.words("XCLOUD_PLUGINS", "")),
    models=tuple(map(Path, env.words("XCLOUD_MODELS", ""))),
    identity=XCLOUD_IDENTITY,
)
# Images analyzed in parallel, each by its own engine; images that may wait before a 503, and for how long. The server
# needs more threads than slots plus queue, or no thread is left to answer /healthz.
XCLOUD_ENGINE_SLOTS = env.integer("XCLOUD_ENGINE_SLOTS", 2)
XCLOUD_ENGINE_QUEUE = env.integer("XCLOUD_ENGINE_QUEUE", 16, minimum=0)
XCLOUD_ENGINE_PATIENCE_S = env.integer("XCLOUD_ENGINE_PATIENCE_S", 30)
# The outputs that the installation serves, including those of plugins; None is all. A key can be limited to fewer.
XCLOUD_ATTRIBUTES = frozenset(env.words("XCLOUD_ATTRIBUTES", "")) or None
# Answers below this confidence are marked `abstained`; docs/api.md says how often they are right. The width of beauty's
# interval (in points) says little about its error, so its limit is the whole scale, and no interval is wider. With a
# limit under 35 years, women's ages would abstain more than 1.5 times as often as men's, at the same mean error.
XCLOUD_ABSTAIN_BELOW = env.limits(
    "XCLOUD_ABSTAIN_BELOW",
    {Attribute.GENDER: 0.9, Attribute.RACE: 0.6, Attribute.EXPRESSION: 0.45},
    highest=1,
    one_for_all=True,
)
XCLOUD_ABSTAIN_WIDER = env.limits(
    "XCLOUD_ABSTAIN_WIDER", {Attribute.AGE: 35, Attribute.BEAUTY: 9}, highest=100, one_for_all=False
)
# Nothing is sure about a face whose quality score is below this.
XCLOUD_ABSTAIN_QUALITY = env.share("XCLOUD_ABSTAIN_QUALITY", 0.25)

# Images at addresses that clients name. Only public addresses are contacted, whatever host names resolve to.
XCLOUD_URL_INPUT = env.boolean("XCLOUD_URL_INPUT", True)
XCLOUD_URL_ALLOWED_HOSTS = [host.lower() for host in env.words("XCLOUD_URL_ALLOWED_HOSTS", "")]
XCLOUD_URL_PORTS = frozenset(env.integers("XCLOUD_URL_PORTS", "80,443"))
# Addresses fetched at once for requests; one caller may use half, and further requests get a 503.
XCLOUD_URL_FETCHES = env.integer("XCLOUD_URL_FETCHES", 12)
# The operator's own networks from which images may be fetched and to which webhooks may be sent.
XCLOUD_PRIVATE_NETWORKS = env.networks("XCLOUD_PRIVATE_NETWORKS", "")

# Jobs of many images. The broker only wakes workers; without one, the server does the work itself.
XCLOUD_BROKER_URL = env.broker("XCLOUD_BROKER_URL")
# Without a broker: whether the server starts its own worker process when there is work.
XCLOUD_JOB_WORKER = env.boolean("XCLOUD_JOB_WORKER", True)
# Engines of a worker, each in its own process; 0 means one per core.
XCLOUD_JOB_THREADS = env.integer("XCLOUD_JOB_THREADS", 0, minimum=0)
XCLOUD_JOB_NICE = env.integer("XCLOUD_JOB_NICE", 10, minimum=0, maximum=19)
# An image whose worker gives no sign of life for this long goes to another worker.
XCLOUD_JOB_LEASE_S = env.integer("XCLOUD_JOB_LEASE_S", 60, minimum=3)
XCLOUD_JOB_MAX_ITEMS = env.integer("XCLOUD_JOB_MAX_ITEMS", 100_000)
XCLOUD_JOB_MAX_BYTES = env.integer("XCLOUD_JOB_MAX_BYTES", 2 * 1024**3)
XCLOUD_JOB_MAX_UNPACKED_BYTES = env.integer("XCLOUD_JOB_MAX_UNPACKED_BYTES", 8 * 1024**3)
# Folders of this server that clients may name; none by default. Absolute, with links resolved.
XCLOUD_JOB_FOLDERS = [Path(folder).expanduser().resolve() for folder in env.words("XCLOUD_JOB_FOLDERS", "")]
# How long the rows of a finished job are kept; its analyses have their own time limit.
XCLOUD_JOB_DAYS = env.integer("XCLOUD_JOB_DAYS", 30, maximum=MOST_DAYS_SET)

# Small pictures of faces, where the photo is not kept: never, if a request asks, or unless a request says no.
XCLOUD_FACE_CHIPS = env.choice("XCLOUD_FACE_CHIPS", FaceChips.ASKED)
# Privacy: how long data are kept if a request does not say, and the key that signs receipts of erasure.
XCLOUD_DEFAULT_TTL_DAYS = env.integer("XCLOUD_DEFAULT_TTL_DAYS", 0, minimum=0, maximum=MOST_DAYS_SET)
# How often the server deletes expired data; 0 if something else runs `manage.py purge_expired`.
XCLOUD_PURGE_MINUTES = env.integer("XCLOUD_PURGE_MINUTES", 60, minimum=0)
XCLOUD_AUDIT_DAYS = env.integer("XCLOUD_AUDIT_DAYS", 365, maximum=MOST_DAYS_SET)
XCLOUD_RECEIPT_KEY_FILE = env.path("XCLOUD_RECEIPT_KEY_FILE", VAR_DIR / "receipt_key.pem")

# Where enrolled faces are searched: in each process's memory, in PostgreSQL, or in Milvus.
XCLOUD_SEARCH = env.choice("XCLOUD_SEARCH", Search.EXACT)
XCLOUD_MILVUS_URL = env.text("XCLOUD_MILVUS_URL", "")
XCLOUD_MILVUS_TOKEN = env.text("XCLOUD_MILVUS_TOKEN", "")
# The most memory of each process for the vectors of collections, if they are searched there.
XCLOUD_SEARCH_MEMORY_BYTES = env.integer("XCLOUD_SEARCH_MEMORY_BYTES", 1024**3)
# Whether the audit log also has the ids of the faces that a search found; if not, it has only who searched in what.
XCLOUD_AUDIT_FOUND = env.boolean("XCLOUD_AUDIT_FOUND", False)

# Requests per minute for each key or person; 0 is no limit.
XCLOUD_RATE_PER_MINUTE = env.integer("XCLOUD_RATE_PER_MINUTE", 0, minimum=0)
# Limits are counted in the process's memory, or in Redis if several processes share one limit.
CACHES = {"default": env.cache("XCLOUD_CACHE_URL", "locmem://")}

# A thread of the server that delivers webhooks; off if `manage.py deliver_webhooks` runs instead.
XCLOUD_WEBHOOK_THREAD = env.boolean("XCLOUD_WEBHOOK_THREAD", True)
# The bearer token that Prometheus must send for /metrics; if empty, none is needed.
XCLOUD_METRICS_TOKEN = env.text("XCLOUD_METRICS_TOKEN", "")
# prometheus_client's own variable: a folder, emptied at the start, in which several workers sum their metrics.
PROMETHEUS_MULTIPROC_DIR = env.text("PROMETHEUS_MULTIPROC_DIR", "")
# Serves the first XCloud's POST /cv/fbp for its clients, which send no key.
XCLOUD_COMPAT_ROUTE = env.boolean("XCLOUD_COMPAT_ROUTE", False)

# Space for request bodies being received, of all callers; one caller may use half, which must hold the largest job.
XCLOUD_UPLOAD_BYTES = env.integer("XCLOUD_UPLOAD_BYTES", 3 * XCLOUD_JOB_MAX_BYTES)
# Beside the database, because /tmp is in memory on some machines. The files in it have no names.
FILE_UPLOAD_TEMP_DIR = VAR_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "xcloud.uploads.UnnamedFileUploadHandler",
]

# The largest request: an image at the limit, in base64 (4 characters for 3 bytes), and room for the other fields.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_IMAGE_BYTES * 4 // 3 + 64 * 1024

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "corsheaders",
    "cv",
    "api",
    "web",
]
MIDDLEWARE = [
    "xcloud.middleware.RequestIdMiddleware",
    "xcloud.middleware.SecurityHeadersMiddleware",
    # Before all that may answer or redirect.
    "corsheaders.middleware.CorsMiddleware",
    "xcloud.middleware.ConditionalMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "xcloud.uploads.PageBodyMiddleware",
    "xcloud.lockout.LoginRateMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "web.languages.PageLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last: it turns a refused log-in into a 429.
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "xcloud.urls"
WSGI_APPLICATION = "xcloud.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.switches.switches",
            ]
        },
    }
]

DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'xcloud.sqlite3'}")}
keep_private(DATABASES["default"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if DATABASES["default"]["ENGINE"] == "django.db.backends.mysql":
    # Django imports MySQLdb, which needs a compiler and headers; PyMySQL has the same interface in pure Python.
    import pymysql

    pymysql.install_as_MySQLdb()

# With fewer bytes free on a disk that is written to, /readyz reports it, since requests will soon fail.
XCLOUD_DISK_FLOOR_BYTES = env.integer("XCLOUD_DISK_FLOOR_BYTES", 256 * 1024**2, minimum=0)
# Kept files, pictures and inputs of jobs: outside all served folders, and without a URL. Only views that check the
# owner return them. They are in MEDIA_ROOT unless XCLOUD_STORAGE_URL names another place.
MEDIA_ROOT = VAR_DIR / "pictures"
STATIC_URL = "static/"
STATIC_ROOT = env.path("XCLOUD_STATIC_DIR", VAR_DIR / "static")
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STORAGES = {
    "default": env.storage(
        "XCLOUD_STORAGE_URL", env.text("AWS_ACCESS_KEY_ID", ""), env.text("AWS_SECRET_ACCESS_KEY", "")
    ),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Collected files are compressed. Where there are none yet, the source folders are served, so that a first start works.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "css").is_dir()

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "upload"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Guessed passwords: after this many wrong ones, a name is refused from that address for a while.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "xcloud.lockout.OneAtATimeBackend"]
# Log-ins per minute from one address, whatever the name: enough for an office at nine, too few to guess passwords.
XCLOUD_LOGIN_RATE = env.integer("XCLOUD_LOGIN_RATE", 20)
AXES_FAILURE_LIMIT = env.integer("XCLOUD_LOGIN_TRIES", 10)
AXES_COOLOFF_TIME = timedelta(minutes=15)
# Both together: an address alone would lock out an office; a name alone would let anyone lock out its owner.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "telemetry.proxy.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "xcloud.lockout.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["password"]
AXES_VERBOSE = False

# Log-in through an OpenID Connect provider, beside passwords; off without an issuer.
XCLOUD_OIDC = SignOn.configured(
    issuer=env.text("XCLOUD_OIDC_ISSUER", ""),
    client_id=env.text("XCLOUD_OIDC_CLIENT_ID", ""),
    client_secret=env.text("XCLOUD_OIDC_CLIENT_SECRET", "") or env.content("XCLOUD_OIDC_CLIENT_SECRET_FILE"),
    name=env.text("XCLOUD_OIDC_NAME", "OpenID Connect"),
    scopes=env.words("XCLOUD_OIDC_SCOPES", "openid,email,profile"),
    # People must have an address of one of these domains, and be in one of these groups; empty: all may.
    domains=env.words("XCLOUD_OIDC_DOMAINS", ""),
    groups=env.words("XCLOUD_OIDC_GROUPS", ""),
    groups_claim=env.text("XCLOUD_OIDC_GROUPS_CLAIM", "groups"),
    roles=env.words("XCLOUD_OIDC_ROLES", ""),
    verified_email=env.boolean("XCLOUD_OIDC_VERIFIED_EMAIL", True),
    hours=env.integer("XCLOUD_OIDC_HOURS", 12),
)

# Behind a proxy that ends TLS and sets X-Forwarded-Proto and X-Forwarded-For.
HTTPS = env.boolean("XCLOUD_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
# Probes connect to the process directly, without the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.boolean("XCLOUD_HSTS_SUBDOMAINS", False)
if not SECURE_HSTS_INCLUDE_SUBDOMAINS:
    # Only the domain's owner can promise HTTPS for the whole domain.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The pages' languages; the API speaks English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
# The same dates on the pages and in the admin.
FORMAT_MODULE_PATH = ["web.formats"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.MayDoThis"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttles.PerMinute"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["api.renderers.FastJsonRenderer"],
    "DEFAULT_SCHEMA_CLASS": "api.topics.TopicSchema",
    "EXCEPTION_HANDLER": "api.exceptions.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # Escapes what orjson does not serialize.
    "UNICODE_JSON": False,
}
SPECTACULAR_SETTINGS = SPECTACULAR

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "telemetry.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.log_level("XCLOUD_LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # xcloud.requests already logs every 4xx with its code.
        "django.request": {"level": "ERROR"},
        # Logs lockouts, but not who logs in and from where.
        "axes": {"level": "WARNING"},
    },
}
