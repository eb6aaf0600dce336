#include "boot.h"

#include "text.h"

/* a cursor over one line: from `at` to the NUL that replaced its newline */
static bool number(char **at, uint64_t most, uint64_t *out) {
    char *digit = *at;
    uint64_t value = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        uint64_t unit = (uint64_t)(*digit - '0');
        if (value > (most - unit) / 10) return false;
        value = value * 10 + unit;
    }
    if (digit == *at) return false;
    *at = digit;
    *out = value;
    return true;
}

static bool skip(char **at, char expected) {
    if (**at != expected) return false;
    ++*at;
    return true;
}

/* Replace `\\` and `\n` by what they mean, in place. */
static bool unescape(char *text) {
    char *out = text;
    for (; *text; text++) {
        if (*text != '\\') *out++ = *text;
        else if (*++text == '\\') *out++ = '\\';
        else if (*text == 'n') *out++ = '\n';
        else return false;
    }
    *out = 0;
    return true;
}

static const char *argument(char **list, size_t *count, char *value) {
    if (*count == MAX_ARGUMENTS) return "too many arguments";
    if (!unescape(value)) return "a backslash is followed by neither n nor a backslash";
    if (strlen(value) > MAX_STRING_BYTES) return "an argument is too long";
    list[(*count)++] = value;
    return NULL;
}

static const char *on_entry(struct boot *out, char *value) {
    return argument(out->entry, &out->entry_count, value);
}

static const char *on_cmd(struct boot *out, char *value) {
    return argument(out->cmd, &out->cmd_count, value);
}

static const char *on_env(struct boot *out, char *value) {
    const char *equals = value;
    if (out->env_count == MAX_VARIABLES) return "too many variables";
    if (!unescape(value)) return "a backslash is followed by neither n nor a backslash";
    if (strlen(value) > MAX_STRING_BYTES) return "a variable is too long";
    while (*equals && *equals != '=') equals++;
    if (equals == value || !*equals) return "a variable is not NAME=VALUE";
    out->env[out->env_count++] = value;
    return NULL;
}

static const char *on_user(struct boot *out, char *value) {
    uint64_t uid, gid;
    if (!number(&value, UINT32_MAX - 1, &uid) || !skip(&value, ' ') ||
        !number(&value, UINT32_MAX - 1, &gid) || *value)
        return "a user is not UID GID";
    out->uid = (uint32_t)uid;
    out->gid = (uint32_t)gid;
    return NULL;
}

static const char *on_group(struct boot *out, char *value) {
    uint64_t gid;
    if (out->group_count == MAX_GROUPS) return "too many groups";
    if (!number(&value, UINT32_MAX - 1, &gid) || *value) return "a group is not a GID";
    out->groups[out->group_count++] = (uint32_t)gid;
    return NULL;
}

static const char *on_cwd(struct boot *out, char *value) {
    if (!unescape(value)) return "a backslash is followed by neither n nor a backslash";
    if (*value != '/' || strlen(value) > MAX_PATH_BYTES) return "cwd is not an absolute path";
    out->cwd = value;
    return NULL;
}

static const char *on_stop(struct boot *out, char *value) {
    uint64_t signal;
    if (!number(&value, MAX_SIGNAL, &signal) || *value || signal == 0)
        return "stop is not the number of a signal";
    out->stop = (unsigned)signal;
    return NULL;
}

static const char *on_hostname(struct boot *out, char *value) {
    if (!unescape(value)) return "a backslash is followed by neither n nor a backslash";
    if (!*value || strlen(value) > MAX_HOSTNAME_BYTES) return "hostname is empty or too long";
    out->hostname = value;
    return NULL;
}

static bool address(char **at, uint32_t *out) {
    unsigned char bytes[4];
    for (int i = 0; i < 4; i++) {
        uint64_t byte;
        if (i && !skip(at, '.')) return false;
        if (!number(at, 255, &byte)) return false;
        bytes[i] = (unsigned char)byte;
    }
    memcpy(out, bytes, 4);
    return true;
}

static const char *on_net(struct boot *out, char *value) {
    static const char problem[] = "net is not ADDRESS/PREFIX [GATEWAY]";
    uint64_t prefix;
    if (!address(&value, &out->network.address) || !skip(&value, '/')) return problem;
    if (!number(&value, 32, &prefix)) return problem;
    if (skip(&value, ' ') && !address(&value, &out->network.gateway)) return problem;
    if (*value) return problem;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t bits = prefix > 8 * i ? prefix - 8 * i : 0;
        ((unsigned char *)&out->network.netmask)[i] =
            (unsigned char)(bits >= 8 ? 0xff : 0xff00u >> bits);
    }
    out->network.given = true;
    return NULL;
}

static bool limit_value(char **at, uint64_t *out) {
    static const char unlimited[] = "unlimited"; /* RLIM64_INFINITY */
    if (!starts_with(*at, unlimited)) return number(at, UINT64_MAX, out);
    *at += sizeof unlimited - 1;
    *out = UINT64_MAX;
    return true;
}

static const char *on_rlimit(struct boot *out, char *value) {
    /* asm-generic/resource.h, in the order of their numbers */
    static const char names[RLIMITS][12] = {
        "cpu ",   "fsize ",   "data ", "stack ", "core ",       "rss ",      "nproc ", "nofile ",
        "memlock ", "as ",    "locks ", "sigpending ", "msgqueue ", "nice ", "rtprio ", "rttime ",
    };
    for (size_t i = 0; i < RLIMITS; i++) {
        size_t length = 0;
        while (length < sizeof names[i] && names[i][length]) length++;
        size_t same = 0;
        while (same < length && value[same] == names[i][same]) same++;
        if (same < length) continue;
        value += length;
        if (out->limits[i].given) return "a limit is given twice";
        if (!limit_value(&value, &out->limits[i].soft) || !skip(&value, ' ') ||
            !limit_value(&value, &out->limits[i].hard) || *value)
            return "a limit is not NAME SOFT HARD";
        if (out->limits[i].soft > out->limits[i].hard) return "a soft limit is above the hard one";
        out->limits[i].given = true;
        return NULL;
    }
    return "no such limit";
}

static const char *on_grow(struct boot *out, char *value) {
    (void)value;
    out->grow = true;
    return NULL;
}

static const struct {
    char key[9];
    bool once;
    bool alone; /* has no value */
    const char *(*read)(struct boot *out, char *value);
} KEYS[] = {
    {"entry", false, false, on_entry}, {"cmd", false, false, on_cmd},
    {"env", false, false, on_env},     {"user", true, false, on_user},
    {"group", false, false, on_group}, {"cwd", true, false, on_cwd},
    {"stop", true, false, on_stop},    {"hostname", true, false, on_hostname},
    {"grow", true, true, on_grow},     {"net", true, false, on_net},
    {"rlimit", false, false, on_rlimit},
};

static const char *statement(struct boot *out, char *line) {
    char *value = line;
    while (*value && *value != ' ') value++;
    bool has_value = *value == ' ';
    if (has_value) *value++ = 0;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        if (!equal(line, KEYS[i].key)) continue;
        if (has_value == KEYS[i].alone) return has_value ? "an unwanted value" : "no value";
        if (KEYS[i].once && out->given_once & 1u << i) return "a key is given twice";
        out->given_once |= 1u << i;
        return KEYS[i].read(out, value);
    }
    return "unknown key";
}

const char *boot_parse(struct boot *out, char *text, size_t length) {
    const char *problem = NULL;
    char *end = text + length;
    memset(out, 0, sizeof *out);
    out->cwd = "/";
    out->stop = 15; /* SIGTERM */
    *end = 0;
    if (length == 0) return "empty";
    while (text < end && !problem) {
        char *line = text;
        out->line++;
        while (text < end && *text && *text != '\n') text++;
        if (text == end) return "the last line does not end";
        if (!*text) return "a NUL byte";
        *text++ = 0;
        if (out->line > 1) problem = statement(out, line);
        else if (!equal(line, "pyext4-boot 1")) problem = "not pyext4-boot 1: made for another init";
    }
    return problem;
}
