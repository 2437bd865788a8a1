/* SPDX-License-Identifier: MIT */
/* ethtool: a veth pair: the driver, the link, its speed, and features that it does not have. */
#include "netns.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>

static int fd;

static int ask(const char *dev, void *what)
{
	struct ifreq r = { .ifr_data = what };

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	return ioctl(fd, SIOCETHTOOL, &r) ? -errno : 0;
}

static void value(const char *dev, const char *name, unsigned cmd)
{
	struct ethtool_value v = { .cmd = cmd };
	int err = ask(dev, &v);

	say("%s %s: %d %u", dev, name, err, err ? 0 : v.data);
}

static void link_settings(const char *dev)
{
	struct {
		struct ethtool_link_settings s;
		unsigned masks[3 * 127];
	} l = { .s = { .cmd = ETHTOOL_GLINKSETTINGS } };
	int err = ask(dev, &l), words = -l.s.link_mode_masks_nwords;

	say("%s link settings: %d, as many words as it has: %d", dev, err, words > 0);
	if (err || words <= 0)
		return;
	l.s = (struct ethtool_link_settings){ .cmd = ETHTOOL_GLINKSETTINGS,
		.link_mode_masks_nwords = (signed char)words };
	err = ask(dev, &l);
	say("%s: %d, %u Mbit/s, duplex %u, port %u, autoneg %u", dev, err, l.s.speed, l.s.duplex,
		l.s.port, l.s.autoneg);
}

static void all(const char *dev)
{
	struct ethtool_drvinfo d = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_cmd c = { .cmd = ETHTOOL_GSET };
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_coalesce coalesce = { .cmd = ETHTOOL_GCOALESCE };
	struct ethtool_eeprom eeprom = { .cmd = ETHTOOL_GEEPROM };
	int err = ask(dev, &d);

	say("%s driver: %d %s, bus '%s'", dev, err, strncmp(dev, "lo", 2) ? d.driver : "",
		d.bus_info);
	value(dev, "link", ETHTOOL_GLINK);
	err = ask(dev, &c);
	say("%s: %d, %u Mbit/s, duplex %u", dev, err, err ? 0 : ethtool_cmd_speed(&c), c.duplex);
	link_settings(dev);
	say("%s rings: %d, coalescing: %d, EEPROM: %d", dev, ask(dev, &ring), ask(dev, &coalesce),
		ask(dev, &eeprom));
	value(dev, "message level", ETHTOOL_GMSGLVL);
	value(dev, "wake-on-LAN", ETHTOOL_GWOL);
	value(dev, "no such", 0xffff);
}

TEST(ethtool)
{
	own_net();
	fd = NEED(socket(AF_INET, SOCK_DGRAM, 0));
	all("va0");
	set_up("vb0", 0);
	value("va0", "link without its peer", ETHTOOL_GLINK);
	value("vb0", "link", ETHTOOL_GLINK);
	value("lo", "link", ETHTOOL_GLINK);
	link_settings("lo");
	value("nosuch", "link", ETHTOOL_GLINK);
}
