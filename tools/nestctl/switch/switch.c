/* SPDX-License-Identifier: MIT */
/*
 * switch.c: `nestctl switch PATH`, an Ethernet switch for instances with eth0=switch,PATH. Each
 * connection to the seqpacket socket PATH is a port, which gets the lowest free number. Each
 * message is a frame.
 *
 * The switch learns which MAC addresses are behind which port, and forgets them when the port
 * closes. It sends frames for unknown addresses to all other ports. A port is an access port of one
 * VLAN (1 unless --vlan sets it), or a trunk. On a trunk frames carry the tag of their VLAN (IEEE
 * 802.1Q); untagged ones are in VLAN 1. On an access port frames have no tag of the switch, and a
 * guest's tag is payload. A port that does not read its frames loses them and delays no other port.
 * With --tap the host is on the switch, too, through a tap device. Frames come from guests, so
 * before the first one the switch gives up all rights that it does not need (jail.c).
 *
 * Invariant: no frame leaves the VLAN in which it arrived. So on a trunk a frame of VLAN 1 that
 * begins with a guest's own tag gets the switch's tag as well; otherwise it would be taken for
 * another VLAN's frame.
 *
 * Bounds: PORTS_MAX ports, and MACS_MAX addresses in sets of WAYS. A new address in a full set
 * replaces an address of the port that has most addresses in the set. If that port has at most one
 * more than the new address's port, an address of the latter is replaced (table.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/switch/switch.h"

#define MACS_MAX 4096
#define WAYS 8 /* entries of a set */
#define BATCH 32
#define SOCKET_BUFFER (4 << 20)
#define VLAN_DEFAULT 1
#define TRUNK 0 /* value in vlan_of for a trunk */
#define HEAD 12 /* both addresses; a tag follows them */
#define TAG 4

/* An entry of a set: the port behind an address. */
struct mac_entry {
	struct seen seen;
	uint8_t mac[6];
	int vlan;
};

/* The parts of a frame in the form in which it is sent to a port. */
struct view {
	struct iovec iov[3];
	int n;
};
/*
 * What is known of the frame in data[] with the same index. Access ports get @plain, trunks get
 * @tagged. Both consist of pieces of data[] and @tag.
 */
struct frame {
	bool dropped;
	int vlan;
	uint8_t tag[TAG];
	struct view plain, tagged;
};

static struct pollfd fds[PORTS_MAX + 1]; /* the last is the listener */
/* VLAN of an access port, or TRUNK */
static int vlan_of[PORTS_MAX];
static bool is_tap[PORTS_MAX];
static struct mac_entry macs[MACS_MAX];
static uint8_t data[BATCH][FRAME_MAX];
static struct frame frames[BATCH];
static const char *socket_path;
static double loss; /* share of frames to lose, 0 to 1 */

/* ---- the table ---- */

/* Returns the set of WAYS entries for an address. */
static struct mac_entry *set_of(const uint8_t *mac, int vlan)
{
	uint32_t h = 2166136261U ^ (uint32_t)vlan;

	for (int i = 0; i < 6; i++)
		h = (h ^ mac[i]) * 16777619U;
	return &macs[(h ^ h >> 15) % (MACS_MAX / WAYS) * WAYS];
}

/* Returns the entry of an address in its set, or NULL. */
static struct mac_entry *entry_of(struct mac_entry *set, const uint8_t *mac, int vlan)
{
	for (struct mac_entry *e = set; e < set + WAYS; e++)
		if (e->seen.port && e->vlan == vlan && !memcmp(e->mac, mac, 6))
			return e;
	return NULL;
}

/* Records that @mac, unless it is multicast, is behind @port. */
static void learn(const uint8_t *mac, int vlan, int port)
{
	struct mac_entry *set = set_of(mac, vlan), *e = entry_of(set, mac, vlan);
	int place;

	if (mac[0] & 1)
		return;
	if (!e) {
		place = table_place(set, sizeof(*set), WAYS, port);
		if (place < 0)
			return;
		e = &set[place];
		memcpy(e->mac, mac, 6);
		e->vlan = vlan;
	}
	table_use(&e->seen, port);
}

/* Returns the port of an address, or -1 if it is unknown or multicast. */
static int lookup(const uint8_t *mac, int vlan)
{
	const struct mac_entry *e = mac[0] & 1 ? NULL : entry_of(set_of(mac, vlan), mac, vlan);

	return e ? e->seen.port - 1 : -1;
}

static void forget_port(int port)
{
	for (int i = 0; i < MACS_MAX; i++)
		if (macs[i].seen.port == port + 1)
			macs[i].seen.port = 0;
}

/* ---- ports ---- */

/*
 * True if a line on standard error does not wait for its reader. A line that would wait is left
 * out, since the frames of all ports would wait with it.
 */
static bool is_read(void)
{
	struct pollfd p = { .fd = 2, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

static void close_port(int port)
{
	close(fds[port].fd);
	fds[port].fd = -1;
	is_tap[port] = false;
	forget_port(port);
	line_forget(port);
	names_forget(port);
	if (is_read())
		warn("port %d closed", port);
}

/* Accepts a connection and gives it the lowest free port, or closes it if there is none. */
static void open_port(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), size = SOCKET_BUFFER;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (int i = 0; i < PORTS_MAX; i++) {
		if (fds[i].fd >= 0)
			continue;
		fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
		if (is_read())
			warn("port %d open", i);
		return;
	}
	if (is_read())
		warn("all %d ports are taken", PORTS_MAX);
	close(fd);
}

/* ---- forwarding ---- */

/* Sends the @n frames of one batch to one port. Drops frames for which the port has no room. */
static void deliver(int port, struct mmsghdr *out, unsigned n)
{
	unsigned done = 0;

	if (is_tap[port]) {
		for (unsigned i = 0; i < n; i++)
			if (writev(fds[port].fd, out[i].msg_hdr.msg_iov,
				    (int)out[i].msg_hdr.msg_iovlen) < 0)
				return; /* full or down: drop the rest */
		return;
	}
	while (done < n) {
		int sent =
			sendmmsg(fds[port].fd, out + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return; /* the port does not read: drop the rest */
		done += (unsigned)sent;
	}
}

static void deliver_one(int port, const void *frame, uint32_t len)
{
	struct iovec iov = { (void *)frame, len };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	if (fds[port].fd >= 0)
		deliver(port, &m, 1);
}

/* True if a VLAN tag, of the switch or of a provider, begins at @p. */
static bool is_tag(const uint8_t *p)
{
	return (p[0] == 0x81 && p[1] == 0x00) || (p[0] == 0x88 && p[1] == 0xa8);
}

static void set_view(struct view *v, const struct iovec *iov, int n)
{
	memcpy(v->iov, iov, (size_t)n * sizeof(*iov));
	v->n = n;
}

/*
 * Determines the VLAN of a frame that came in at @port, and its forms with and without the switch's
 * tag. Returns false if the frame is invalid.
 */
static bool classify(struct frame *f, uint8_t *p, uint32_t len, int port)
{
	bool native;

	if (len < HEAD + 2 || len > FRAME_MAX - TAG)
		return false;
	f->vlan = vlan_of[port];
	if (vlan_of[port] == TRUNK && p[HEAD] == 0x81 && p[HEAD + 1] == 0 &&
		len >= HEAD + TAG + 2) {
		f->vlan = (p[HEAD + 2] << 8 | p[HEAD + 3]) & 0xfff;
		if (f->vlan == 0xfff)
			return false;
		memcpy(f->tag, p + HEAD, TAG);
		if (!f->vlan) { /* the tag has only a priority */
			f->vlan = VLAN_DEFAULT;
			f->tag[3] = VLAN_DEFAULT;
		}
		set_view(&f->plain,
			(struct iovec[]){ { p, HEAD }, { p + HEAD + TAG, len - HEAD - TAG } }, 2);
		native = f->vlan == VLAN_DEFAULT && !is_tag(p + HEAD + TAG);
	} else {
		f->vlan = f->vlan == TRUNK ? VLAN_DEFAULT : f->vlan;
		memcpy(f->tag, (uint8_t[TAG]){ 0x81, 0, (uint8_t)(f->vlan >> 8), (uint8_t)f->vlan },
			TAG);
		set_view(&f->plain, &(struct iovec){ p, len }, 1);
		native = f->vlan == VLAN_DEFAULT && !is_tag(p + HEAD);
	}
	f->tagged = f->plain;
	if (!native)
		set_view(&f->tagged,
			(struct iovec[]){ { p, HEAD }, { f->tag, TAG },
				f->plain.n == 2 ? f->plain.iov[1] :
						  (struct iovec){ p + HEAD, len - HEAD } },
			3);
	return true;
}

/* True if frame @i of the batch, which came in at @from, is for port @to. */
static bool goes_to(int from, int to, int i)
{
	int known;

	if (to == from || fds[to].fd < 0 || (vlan_of[to] != TRUNK && vlan_of[to] != frames[i].vlan))
		return false;
	known = lookup(data[i], frames[i].vlan);
	return known < 0 || known == to;
}

/* Sends those of @n frames that are for port @to. */
static void forward_to(int from, int to, int n)
{
	struct mmsghdr out[BATCH];
	unsigned k = 0;

	for (int i = 0; i < n; i++) {
		struct view *v = vlan_of[to] == TRUNK ? &frames[i].tagged : &frames[i].plain;

		if (frames[i].dropped || !goes_to(from, to, i))
			continue;
		if (line_has_delay())
			line_hold(to, v->iov, v->n);
		else
			out[k++] = (struct mmsghdr){ .msg_hdr = { .msg_iov = v->iov,
							     .msg_iovlen = (size_t)v->n } };
	}
	if (k)
		deliver(to, out, k);
}

/*
 * Answers a frame that is a request to the switch itself, if the frame is of VLAN 1 and did not
 * come from a trunk.
 */
static void answer(int from, const struct frame *f)
{
	static uint8_t reply[NAMES_REQUEST_MAX + NAMES_ANSWER_MORE];
	uint32_t len;

	if (f->vlan != VLAN_DEFAULT || vlan_of[from] == TRUNK)
		return;
	len = names_answer(
		from, f->plain.iov[0].iov_base, (uint32_t)f->plain.iov[0].iov_len, reply);
	if (!len)
		return;
	capture_frame(reply, len);
	deliver_one(from, reply, len);
}

/* Forwards a batch of @n frames in data[], with their lengths in @in, that came in at @from. */
static void forward(int from, const struct mmsghdr *in, int n)
{
	for (int i = 0; i < n; i++) {
		struct frame *f = &frames[i];

		f->dropped = !classify(f, data[i], in[i].msg_len, from) ||
			     (loss > 0 && drand48() < loss);
		if (f->dropped)
			continue;
		learn(data[i] + 6, f->vlan, from);
		capture_frame(data[i], in[i].msg_len);
		answer(from, f);
		f->dropped = names_are_for_us(data[i]);
	}
	for (int to = 0; to < PORTS_MAX; to++)
		forward_to(from, to, n);
	capture_flush();
}

/*
 * Reads frames from a tap device, with a system call for each. Returns their number, or -1 with
 * errno if there is none.
 */
static int read_tap(int fd, struct mmsghdr *in)
{
	int n = 0;

	while (n < BATCH) {
		ssize_t len = read(fd, data[n], FRAME_MAX);

		if (len <= 0)
			break;
		in[n++].msg_len = (unsigned)len;
	}
	return n ? n : -1;
}

/* Reads and forwards a batch of frames. Closes the port at its end. */
static void serve(int port)
{
	struct mmsghdr in[BATCH];
	struct iovec iov[BATCH];
	bool ended = false;
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ data[i], FRAME_MAX };
		in[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	n = is_tap[port] ? read_tap(fds[port].fd, in) :
			   recvmmsg(fds[port].fd, in, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (int i = 0; i < n && !ended; i++) {
		ended = !in[i].msg_len; /* the peer has closed the port */
		if (ended)
			n = i;
	}
	if (n > 0)
		forward(port, in, n);
	if (n < 0 || ended)
		close_port(port);
}

/* ---- start ---- */

static void on_signal(int sig)
{
	if (!sweeper_end())
		unlink(socket_path);
	_exit(0);
}

/* Gives up what serving the ports does not need. */
static void restrict_switch(void)
{
	int kept[PORTS_MAX + 2], n = 0;

	for (int i = 0; i <= PORTS_MAX; i++)
		if (fds[i].fd >= 0)
			kept[n++] = fds[i].fd;
	if (capture_fd() >= 0)
		kept[n++] = capture_fd();
	jail_enter(socket_path, kept, (size_t)n);
}

/*
 * Locks the folder of @path, until the descriptor is closed, against a switch that starts there at
 * the same moment. Continues without the lock if the user may not read the folder, or if the lock
 * is held for long.
 */
static int lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd;

	if (snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		    slash ? path : ".") >= (int)sizeof(folder))
		die("%s: %s", path, strerror(ENAMETOOLONG));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int tries = 0; fd >= 0 && tries < 200 && flock(fd, LOCK_EX | LOCK_NB); tries++)
		usleep(10000);
	return fd;
}

/* True if a process listens on the socket, even if its queue is full. */
static bool is_answered(const struct sockaddr_un *a, int *err)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)a, sizeof(*a));

	*err = errno;
	if (fd >= 0)
		close(fd);
	return yes || *err == EAGAIN;
}

/*
 * Listens at @path, with the folder locked. Without the lock, a second switch that starts at the
 * same moment could find the first one's socket before it listens, take it for the socket of a dead
 * switch, and remove it.
 */
static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), folder, err;
	/* write access to the socket is access to the network */
	mode_t mask = umask(0177);
	struct stat st;

	if (strlen(path) >= sizeof(a.sun_path))
		die("%s: the path is too long", path);
	strcpy(a.sun_path, path);
	folder = lock_folder(path);
	if (is_answered(&a, &err))
		die("%s: a switch is there already", path);
	/*
	 * Removes the socket of a killed switch. Connecting to a file that is no socket fails with
	 * ECONNREFUSED too, but that file must stay.
	 */
	if (err == ECONNREFUSED && !lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, PORTS_MAX))
		die("%s: %s", path, strerror(errno));
	umask(mask);
	if (folder >= 0)
		close(folder);
	return fd;
}

/*
 * Adds a tap device of the host as the next port. The user must own the device, or be allowed to
 * make it.
 */
static void add_tap(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), i = 0;

	if (strlen(name) >= IFNAMSIZ)
		die("--tap %s: the name is too long", name);
	strcpy(r.ifr_name, name);
	if (fd < 0)
		die("--tap %s: /dev/net/tun: %s", name, strerror(errno));
	if (ioctl(fd, TUNSETIFF, &r))
		die("--tap %s: %s%s", name, strerror(errno),
			errno == EPERM ?
				"; `ip tuntap add NAME mode tap user YOU` as root makes one" :
				"");
	while (i < PORTS_MAX && fds[i].fd >= 0)
		i++;
	if (i == PORTS_MAX)
		die("--tap %s: all %d ports are taken", name, PORTS_MAX);
	fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	is_tap[i] = true;
}

/* Parses the VLANs of ports 0, 1 and so on: each a number or "trunk". */
static void parse_vlans(const char *text)
{
	char *end;

	for (int port = 0;; port++) {
		bool trunk = !strncmp(text, "trunk", 5);
		long v = trunk ? TRUNK : strtol(text, &end, 10);

		if (trunk)
			end = (char *)text + 5;
		if (end == text || (!trunk && (v < 1 || v > 4094)) || port == PORTS_MAX ||
			(*end && *end != ','))
			die("--vlan: expected numbers from 1 to 4094 or trunk, with commas, not "
			    "'%s'",
				text);
		vlan_of[port] = (int)v;
		if (!*end)
			return;
		text = end + 1;
	}
}

enum { KEY_PCAP = 256, KEY_LOSS, KEY_DELAY, KEY_VLAN, KEY_TAP, KEY_DHCP };

static const char *parse(int argc, char **argv)
{
	char *end;

	for (int key; (key = next_option(&cmd_switch, argc, argv));) {
		switch (key) {
		case KEY_PCAP: capture_begin(optarg); break;
		case KEY_LOSS:
			loss = strtod(optarg, &end) / 100;
			if (*end || loss < 0 || loss > 1)
				die("--loss: expected 0 to 100 (percent), not '%s'", optarg);
			break;
		case KEY_DELAY:
			if (!line_set_delay(optarg))
				die("--delay: expected MS[,JITTER] up to 60000, not '%s'", optarg);
			break;
		case KEY_VLAN: parse_vlans(optarg); break;
		case KEY_DHCP:
			if (!names_begin(optarg))
				die("--dhcp: expected NET/BITS, with 8 to 29 bits, not '%s'",
					optarg);
			break;
		default: add_tap(optarg); break;
		}
	}
	return take_words(&cmd_switch, argc, argv, 1, 1)[0];
}

static int __attribute__((noreturn)) switch_command(int argc, char **argv)
{
	struct pollfd *listener = &fds[PORTS_MAX];

	for (int i = 0; i < PORTS_MAX; i++) {
		fds[i].fd = -1;
		vlan_of[i] = VLAN_DEFAULT;
	}
	socket_path = parse(argc, argv);
	*listener = (struct pollfd){ .fd = listen_at(socket_path), .events = POLLIN };
	/* the reader of standard error may leave, and so may the sweeper */
	signal(SIGPIPE, SIG_IGN);
	on_ending_signals(on_signal);
	restrict_switch();
	warn("the switch listens at %s", socket_path);
	for (;;) {
		if (poll(fds, PORTS_MAX + 1, line_release(deliver_one)) < 0)
			continue;
		for (int i = 0; i < PORTS_MAX; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				serve(i);
		if (listener->revents)
			open_port(listener->fd);
	}
}

static const struct option_row options[] = {
	{ KEY_DHCP, "dhcp", "NET/BITS",
		"give the instances addresses of this network (10.1.0.0/24) by DHCP, and the names "
		"of the others by DNS: what run --name says, or the host name. The switch has the "
		"first address. It does so in VLAN 1." },
	{ KEY_PCAP, "pcap", "FILE", "write all frames to FILE, for tcpdump(1)" },
	{ KEY_LOSS, "loss", "PERCENT", "lose this share of all frames" },
	{ KEY_DELAY, "delay", "MS[,JITTER]",
		"delay each frame by so many milliseconds, plus or minus at most JITTER, which "
		"changes their order" },
	{ KEY_VLAN, "vlan", "PORT[,PORT...]",
		"the kind of ports 0, 1 ...: the number of a VLAN (1 to 4094), whose access "
		"port it is, or trunk. On a trunk frames carry the tag of their VLAN (IEEE "
		"802.1Q), and untagged ones are in VLAN 1. All further ports are in VLAN 1. A "
		"connection gets the lowest free port; frames stay within their VLAN." },
	{ KEY_TAP, "tap", "NAME",
		"connect the host to the switch too, by this tap device; give the instances "
		"mtu=1500 then, or the device their MTU. It is an ordinary port, the lowest "
		"free one." },
	{ 0 },
};

const struct command cmd_switch = {
	.name = "switch",
	.args = "PATH",
	.help = "Runs an Ethernet switch for instances with eth0=switch,PATH.",
	.text = "Instances of nestctl run use it by --net switch,PATH. It listens at PATH "
		"until it gets SIGINT, SIGTERM or SIGHUP, and says so on standard error when it "
		"begins. An instance whose switch has ended "
		"connects again to a new one. Without --dhcp it gives no addresses and no names: "
		"set them inside, by ip(8) and --add-host.\n\nInstances at a switch reach one "
		"another alone. nestctl run -p 8080:80 or --net slirp beside --net switch,PATH "
		"adds a card that leads to the world.",
	.options = options,
	.run = switch_command,
};
