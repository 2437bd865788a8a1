/* SPDX-License-Identifier: MIT */
/*
 * uevent: devices as udev sees them: their places in /sys, their files `uevent`, and events that
 * are requested. Only the guest does this, since the host's udev must not see such events.
 */
#include "guest.h"

#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define NULL_DIR "/sys/class/mem/null/"
#define UUID "fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed"

static const char *text_of(const char *path)
{
	static char text[512];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	close(fd);
	return text;
}

static const char *link_of(const char *path)
{
	static char text[512];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	return text;
}

static ssize_t ask(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY), err;
	ssize_t n = write(fd, what, strlen(what));

	err = errno;
	close(fd);
	errno = err;
	return n;
}

/* Returns the variables of the next event except its number, with a blank between, or "none". */
static const char *event(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return "none";
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	text[n] = 0;
	end = strstr(text, " SEQNUM=");
	if (end)
		*end = 0;
	return text;
}

static void places(void)
{
	GIS(!strcmp(text_of(NULL_DIR "uevent"), "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n"));
	GIS(!strcmp(text_of(NULL_DIR "dev"), "1:3\n"));
	GIS(!strcmp(link_of("/sys/class/mem/null"), "../../devices/virtual/mem/null"));
	GIS(!strcmp(link_of("/sys/dev/char/1:3"), "../../devices/virtual/mem/null"));
	GIS(!strcmp(link_of(NULL_DIR "subsystem"), "../../../../class/mem"));
	GIS(!strcmp(text_of("/sys/dev/char/5:2/uevent"),
		"MAJOR=5\nMINOR=2\nDEVNAME=ptmx\nDEVMODE=0666\n"));
	GIS(!strcmp(
		text_of("/sys/class/misc/tun/uevent"), "MAJOR=10\nMINOR=200\nDEVNAME=net/tun\n"));
	GIS(!strcmp(text_of("/sys/dev/char/4:0/uevent"), "MAJOR=4\nMINOR=0\nDEVNAME=tty0\n"));
	GIS(!strcmp(text_of("/sys/class/tty/console/active"), "tty0\n"));
}

/*
 * Events in a network namespace of the test's own: devices, unless another user namespace owns it.
 * The file was opened outside.
 */
static void namespaces(int flags, bool heard)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int file = GNEED(open(NULL_DIR "uevent", O_WRONLY)), fd;

	GNEED(unshare(flags));
	fd = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
	G(bind(fd, (struct sockaddr *)&me, sizeof(me)), "0");
	G(write(file, "change", 6), "6");
	GIS(!strcmp(event(fd), heard ? "change@/devices/virtual/mem/null ACTION=change "
				       "DEVPATH=/devices/virtual/mem/null SUBSYSTEM=mem "
				       "SYNTH_UUID=0 MAJOR=1 MINOR=3 DEVNAME=null DEVMODE=0666" :
				       "none"));
}

/* A network device comes and goes with its queues. */
static void queues(void)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct ifreq r = { .ifr_name = "t0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd, tun;

	GNEED(unshare(CLONE_NEWNET));
	fd = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
	G(bind(fd, (struct sockaddr *)&me, sizeof(me)), "0");
	tun = GNEED(open("/dev/net/tun", O_RDWR));
	G(ioctl(tun, TUNSETIFF, &r), "0");
	GIS(!strncmp(event(fd), "add@/devices/virtual/net/t0 ACTION=add ", 39));
	GIS(!strcmp(event(fd), "add@/devices/virtual/net/t0/queues/rx-0 ACTION=add "
			       "DEVPATH=/devices/virtual/net/t0/queues/rx-0 SUBSYSTEM=queues"));
	GIS(!strcmp(event(fd), "add@/devices/virtual/net/t0/queues/tx-0 ACTION=add "
			       "DEVPATH=/devices/virtual/net/t0/queues/tx-0 SUBSYSTEM=queues"));
	GIS(!strcmp(event(fd), "none"));
	G(close(tun), "0");
	GIS(!strcmp(event(fd), "remove@/devices/virtual/net/t0/queues/rx-0 ACTION=remove "
			       "DEVPATH=/devices/virtual/net/t0/queues/rx-0 SUBSYSTEM=queues"));
	GIS(!strcmp(event(fd), "remove@/devices/virtual/net/t0/queues/tx-0 ACTION=remove "
			       "DEVPATH=/devices/virtual/net/t0/queues/tx-0 SUBSYSTEM=queues"));
	GIS(!strncmp(event(fd), "remove@/devices/virtual/net/t0 ACTION=remove ", 45));
	GIS(!strcmp(event(fd), "none"));
}

/* A network device gets another queue. */
static void more_queues(void)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct ifreq r = { .ifr_name = "t0", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE };
	int fd, tun, more;

	GNEED(unshare(CLONE_NEWNET));
	tun = GNEED(open("/dev/net/tun", O_RDWR));
	more = GNEED(open("/dev/net/tun", O_RDWR));
	G(ioctl(tun, TUNSETIFF, &r), "0");
	fd = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
	G(bind(fd, (struct sockaddr *)&me, sizeof(me)), "0");
	G(ioctl(more, TUNSETIFF, &r), "0");
	GIS(!strncmp(event(fd), "add@/devices/virtual/net/t0/queues/tx-1 ", 40));
	GIS(!strncmp(event(fd), "add@/devices/virtual/net/t0/queues/rx-1 ", 40));
	GIS(!strcmp(event(fd), "none"));
	G(close(more), "0");
	GIS(!strncmp(event(fd), "remove@/devices/virtual/net/t0/queues/tx-1 ", 43));
	GIS(!strncmp(event(fd), "remove@/devices/virtual/net/t0/queues/rx-1 ", 43));
	GIS(!strcmp(event(fd), "none"));
}

TEST(uevent)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = GNEED(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));

	places();
	G(bind(fd, (struct sockaddr *)&me, sizeof(me)), "0");
	G(ask(NULL_DIR "uevent", "add"), "3");
	GIS(!strcmp(event(fd),
		"add@/devices/virtual/mem/null ACTION=add DEVPATH=/devices/virtual/mem/null "
		"SUBSYSTEM=mem SYNTH_UUID=0 MAJOR=1 MINOR=3 DEVNAME=null DEVMODE=0666"));
	G(ask(NULL_DIR "uevent", "change " UUID " A=1 B2=xyz\n"), "55");
	GIS(!strcmp(event(fd),
		"change@/devices/virtual/mem/null ACTION=change DEVPATH=/devices/virtual/mem/null "
		"SUBSYSTEM=mem SYNTH_UUID=" UUID " SYNTH_ARG_A=1 SYNTH_ARG_B2=xyz MAJOR=1 MINOR=3 "
		"DEVNAME=null DEVMODE=0666"));
	G(ask(NULL_DIR "uevent", "changes"), "-1 EINVAL");
	G(ask(NULL_DIR "uevent", "change x"), "-1 EINVAL");
	G(ask(NULL_DIR "uevent", "change " UUID " A-1"), "-1 EINVAL");
	G(ask(NULL_DIR "uevent", "change " UUID " A=/"), "-1 EINVAL");
	GIS(!strcmp(event(fd), "none"));
	G(ask("/sys/class/net/lo/uevent", "online " UUID), "43");
	GIS(!strcmp(event(fd),
		"online@/devices/virtual/net/lo ACTION=online DEVPATH=/devices/virtual/net/lo "
		"SUBSYSTEM=net SYNTH_UUID=" UUID " INTERFACE=lo IFINDEX=1"));
	CHILD(queues());
	CHILD(more_queues());
	CHILD(namespaces(CLONE_NEWNET, true));
	CHILD(namespaces(CLONE_NEWUSER, true));
	CHILD(namespaces(CLONE_NEWUSER | CLONE_NEWNET, false));
	CHILD({
		GNEED(setuid(65534));
		G(open(NULL_DIR "uevent", O_WRONLY), "-1 EACCES");
	});
	if (in_guest())
		close(fd);
}
