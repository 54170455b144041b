/**
 * Which addresses of the internet are nobody else's business. An address that a user names is opened by a worker, from
 * inside of its network: what only that network can reach (its own machine, its neighbours, the place where a cloud hands
 * out credentials) must not be read out through it. Pure; the list is handed to the socket, which holds the address it
 * really connects to against it, so that no name that changes its meaning in between (DNS rebinding) gets through.
 */
import { BlockList } from 'node:net';

type Network = readonly [address: string, prefix: number];

/** What an operator may open with a setting: this machine, and networks of one's own. */
const own: readonly Network[] = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  // Behind a carrier's address translation (RFC 6598).
  ['100.64.0.0', 10],
];

/** What nobody asks for on purpose: IANA's special-purpose registry (RFC 6890), and where clouds keep their credentials. */
const never: readonly Network[] = [
  // Connects to this machine on Linux.
  ['0.0.0.0', 8],
  // Link-local, with 169.254.169.254.
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // The metadata services of Azure and of Alibaba, which lie outside of link-local.
  ['168.63.129.16', 32],
  ['100.100.100.200', 32],
];

const own6: readonly Network[] = [
  ['::1', 128],
  // Unique local.
  ['fc00::', 7],
];

const never6: readonly Network[] = [
  ['::', 128],
  ['fe80::', 10],
  // Site-local, which some machines still route.
  ['fec0::', 10],
  ['ff00::', 8],
  ['100::', 64],
  ['2001:db8::', 32],
  // What leads to IPv4 by tunnels (Teredo, 6to4) or by a translation of this network's own making.
  ['2001::', 32],
  ['2002::', 16],
  ['64:ff9b:1::', 48],
  // The metadata service of AWS, which lies inside of unique local.
  ['fd00:ec2::254', 128],
];

/**
 * The addresses that must not be connected to. IPv4 addresses in the clothes of IPv6 count as what they are: mapped ones
 * (::ffff:…) by the list's own nature, compatible (::…) and translated ones (64:ff9b::…, RFC 6052) by rows of their own.
 */
export function refusedAddresses({ allowPrivate }: { allowPrivate: boolean }): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of allowPrivate ? never : [...never, ...own]) {
    list.addSubnet(address, prefix, 'ipv4');
    list.addSubnet(`64:ff9b::${address}`, 96 + prefix, 'ipv6');
    // But for ::0.0.0.0/8, in which ::1 lies.
    if (address !== '0.0.0.0') list.addSubnet(`::${address}`, 96 + prefix, 'ipv6');
  }
  for (const [address, prefix] of allowPrivate ? never6 : [...never6, ...own6]) list.addSubnet(address, prefix, 'ipv6');
  return list;
}
