/* SPDX-License-Identifier: MIT */
/* ioctl(2): what every descriptor understands, and what is refused. */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

TEST(ioctl)
{
	int fd, p[2], n = 1, dir = NEED(open(".", O_RDONLY));
	struct termios tio;
	struct winsize ws;

	t_text("f", "0123456789");
	fd = NEED(open("f", O_RDWR));
	T(ioctl(fd, FIOCLEX));
	T(fcntl(fd, F_GETFD));
	T(ioctl(fd, FIONCLEX));
	T(fcntl(fd, F_GETFD));
	T(ioctl(fd, FIONBIO, &n));
	T(fcntl(fd, F_GETFL) & O_NONBLOCK);
	n = 0;
	T(ioctl(fd, FIONBIO, &n));
	T(fcntl(fd, F_GETFL) & O_NONBLOCK);
	NEED(lseek(fd, 3, SEEK_SET));
	T(ioctl(fd, FIONREAD, &n));
	say("%d", n);
	T(ioctl(fd, FIONREAD, BAD));
	T(ioctl(fd, FIONBIO, BAD));
	T(ioctl(fd, TCGETS, &tio));
	T(ioctl(fd, TIOCGWINSZ, &ws));
	T(ioctl(dir, TCGETS, &tio));
	T(ioctl(dir, FIONREAD, &n));
	T(ioctl(-1, FIONREAD, &n));
	T(ioctl(NEED(open("f", O_PATH)), FIONREAD, &n));
	T(ioctl(fd, 0xdeadbeef, 0));
	NEED(pipe(p));
	T(ioctl(p[0], TCGETS, &tio));
	T(ioctl(p[0], 0xdeadbeef, 0));
	T(isatty(NEED(open("/dev/null", O_RDWR))));
	T(ioctl(NEED(open("/dev/null", O_RDWR)), 0xdeadbeef, 0));
}
