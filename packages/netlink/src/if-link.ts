/** Numbers of linux/rtnetlink.h, linux/if.h and linux/if_link.h. */

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

/** The length of struct ifinfomsg. */
export const LINK_HEADER = 16;
export const IFF_UP = 0x1;
export const IFF_NOARP = 0x80;
export const IFF_LOWER_UP = 0x10000;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_TXQLEN = 13;
export const IFLA_OPERSTATE = 16;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_STATS64 = 23;
export const IFLA_EXT_MASK = 29;
export const IFLA_AF_SPEC = 26;
export const IFLA_GROUP = 27;
export const IFLA_NET_NS_FD = 28;
export const IFLA_LINK_NETNSID = 37;
export const IFLA_PROP_LIST = 52;
export const IFLA_ALT_IFNAME = 53;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_INFO_SLAVE_DATA = 5;
export const VETH_INFO_PEER = 1;
export const IFLA_INET6_CONF = 2;
export const IFLA_INET_CONF = 1;
export const IFLA_INET6_ADDR_GEN_MODE = 8;
/** Where the array of IFLA_INET6_CONF has disable_ipv6, linux/ipv6.h. */
export const DEVCONF_DISABLE_IPV6 = 26;
/** enum IPV4_DEVCONF_*, linux/ip.h: it counts from 1, as the attributes of a change do. */
export const IPV4_DEVCONF_ROUTE_LOCALNET = 26;
