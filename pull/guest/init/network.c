#include "guest.h"

/* linux/socket.h, linux/sockios.h, linux/if.h, linux/route.h */
enum {
    AF_INET = 2, SOCK_DGRAM = 2, SOCK_CLOEXEC = 02000000,
    SIOCADDRT = 0x890b, SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914, SIOCSIFADDR = 0x8916,
    SIOCSIFNETMASK = 0x891c, IFF_UP = 1, RTF_UP = 1, RTF_GATEWAY = 2, RTF_HOST = 4,
};

struct sockaddr_in {
    uint16_t sin_family;
    uint16_t sin_port;
    uint32_t sin_addr;
    uint8_t sin_zero[8];
};

struct ifreq {
    char ifr_name[16];
    union {
        struct sockaddr_in address;
        int16_t flags;
        uint8_t space[24];
    };
};
_Static_assert(sizeof(struct ifreq) == 40, "linux/if.h");

struct rtentry {
    unsigned long rt_pad1;
    struct sockaddr_in rt_dst, rt_gateway, rt_genmask;
    uint16_t rt_flags;
    int16_t rt_pad2;
    unsigned long rt_pad3;
    void *rt_pad4;
    int16_t rt_metric;
    char *rt_dev;
    unsigned long rt_mtu, rt_window;
    uint16_t rt_irtt;
};
_Static_assert(sizeof(struct rtentry) == 120, "linux/route.h");

static struct sockaddr_in internet(uint32_t address) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = address};
}

static struct ifreq request(const char *name) {
    struct ifreq asked = {0};
    memcpy(asked.ifr_name, name, strlen(name) + 1);
    return asked;
}

static long up(long socket, const char *name) {
    struct ifreq asked = request(name);
    long result = sys(ioctl, socket, SIOCGIFFLAGS, &asked);
    if (result < 0) return result;
    asked.flags = (int16_t)(asked.flags | IFF_UP);
    return sys(ioctl, socket, SIOCSIFFLAGS, &asked);
}

static long set_address(long socket, unsigned command, const char *name, uint32_t address) {
    struct ifreq asked = request(name);
    asked.address = internet(address);
    return sys(ioctl, socket, command, &asked);
}

static long add_route(long socket, uint32_t gateway) {
    struct rtentry route = {
        .rt_dst = internet(0), .rt_genmask = internet(0), .rt_gateway = internet(gateway),
        .rt_flags = RTF_UP | RTF_GATEWAY,
    };
    long result = sys(ioctl, socket, SIOCADDRT, &route);
    if (result != -ENETUNREACH) return result;
    static char device[] = "eth0"; /* a gateway outside the prefix, as in clouds with /32 */
    struct rtentry host = {
        .rt_dst = internet(gateway), .rt_genmask = internet(UINT32_MAX), .rt_gateway = internet(0),
        .rt_flags = RTF_UP | RTF_HOST, .rt_dev = device,
    };
    result = sys(ioctl, socket, SIOCADDRT, &host);
    return result < 0 ? result : sys(ioctl, socket, SIOCADDRT, &route);
}

static long configure(long socket, const struct network *network) {
    long result = -ENODEV;
    for (int tries = 0; tries < 50 && result == -ENODEV; tries++) {
        if (tries) sleep_ms(100); /* drivers may need some time to find their devices */
        result = set_address(socket, SIOCSIFADDR, "eth0", network->address);
    }
    if (result == 0) result = set_address(socket, SIOCSIFNETMASK, "eth0", network->netmask);
    if (result == 0) result = up(socket, "eth0");
    if (result == 0 && network->gateway) result = add_route(socket, network->gateway);
    return result;
}

void network_up(const struct network *network) {
    long socket = sys(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    long result = socket < 0 ? socket : up(socket, "lo"); /* which gives it 127.0.0.1 */
    if (result < 0) say("can't bring up lo: ", reason(result));
    if (network->given) {
        result = socket < 0 ? socket : configure(socket, network);
        if (result < 0) say("can't configure eth0: ", reason(result));
    }
    if (socket >= 0) sys(close, socket);
}
