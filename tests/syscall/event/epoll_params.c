/* SPDX-License-Identifier: MIT */
/* EPIOCSPARAMS and EPIOCGPARAMS of epoll files (Linux 6.9), as Linux 6.18 answered. */
#include "guest.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>

struct params {
	uint32_t usecs;
	uint16_t budget;
	uint8_t prefer, pad;
};
#define SET _IOW(0x8a, 1, struct params)
#define GET _IOR(0x8a, 2, struct params)

static int set(int fd, struct params p)
{
	return ioctl(fd, SET, &p);
}

TEST(epoll_params)
{
	struct params p = { 1, 1, 1, 1 };
	int fd = NEED(epoll_create1(0));

	G(ioctl(fd, GET, &p), "0");
	GIS(!p.usecs && !p.budget && !p.prefer && !p.pad);
	G(set(fd, (struct params){ 100, 8, 1, 0 }), "0");
	G(ioctl(fd, GET, &p), "0");
	GIS(p.usecs == 100 && p.budget == 8 && p.prefer == 1 && !p.pad);
	G(set(fd, (struct params){ 100, 8, 1, 1 }), "-1 EINVAL");
	G(set(fd, (struct params){ 100, 8, 2, 0 }), "-1 EINVAL");
	G(set(fd, (struct params){ 1U << 31, 8, 1, 0 }), "-1 EINVAL");
	G(set(fd, (struct params){ 1, 65, 0, 0 }), "0");
	G(ioctl(fd, SET, NULL), "-1 EFAULT");
	G(ioctl(fd, GET, NULL), "-1 EFAULT");
	T(ioctl(fd, 0x1234, 0));
	NEED(seteuid(65534));
	G(set(fd, (struct params){ 1, 65, 0, 0 }), "-1 EPERM");
	G(set(fd, (struct params){ 1, 64, 0, 0 }), "0");
	G(ioctl(fd, GET, &p), "0");
	GIS(p.usecs == 1 && p.budget == 64 && !p.prefer);
	NEED(seteuid(0));
}
