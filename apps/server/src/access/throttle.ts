/**
 * Guessing a password has to be slow. Failed attempts are counted for each address and for all together; whoever has
 * used up the allowance of its address waits, also with the right password, or guessing would go on unnoticed. Others
 * are let in meanwhile. When the sum says that many addresses guess at once, one failure uses up an address's allowance.
 *
 * Behind a proxy on this machine the address is what that proxy says, and anybody on this machine can say it as well. So
 * what comes that way is also counted together, with an allowance of its own: whoever invents addresses gains that, and
 * keeps the proxy's other clients from logging in for a while. Counted in this process: a second server doubles it all.
 */
import { isIP, isIPv6 } from 'node:net';
import { RateLimiterMemory } from 'rate-limiter-flexible';

export interface ThrottleLimits {
  /** Failures an address has. */
  readonly failures: number;
  /** Failures of all that come by one proxy. */
  readonly failuresOfProxy: number;
  /** Failures of all, after which an address has one. */
  readonly failuresOfAll: number;
  readonly windowSeconds: number;
  /** Addresses counted one by one. All that come when these are taken share one allowance, until a window has passed. */
  readonly addresses: number;
}

/** A person mistypes a few times; a dictionary at ten in a quarter of an hour takes years. */
const LIMITS: ThrottleLimits = {
  failures: 10,
  failuresOfProxy: 50,
  failuresOfAll: 100,
  windowSeconds: 15 * 60,
  addresses: 10_000,
};

/** Who tries: the client's address, and that of its connection, which is another one behind a proxy. */
export interface Caller {
  readonly address: string;
  readonly connection: string;
}

export interface Throttle {
  /** How long this caller has to wait before it may try; 0 when it may now. */
  waitSeconds(caller: Caller): Promise<number>;
  /** Count a failed attempt. */
  failed(caller: Caller): Promise<void>;
}

export function openThrottle(limits: Partial<ThrottleLimits> = {}): Throttle {
  const { failures, failuresOfProxy, failuresOfAll, windowSeconds, addresses } = { ...LIMITS, ...limits };
  const counter = (points: number) => new RateLimiterMemory({ points, duration: windowSeconds });
  const one = counter(failures);
  const proxy = counter(failuresOfProxy);
  const all = counter(failuresOfAll);
  const ALL = 'all';
  const OTHERS = 'others';
  const remembered = openRegister(addresses, windowSeconds * 1000);
  const keyOf = (address: string) => (remembered.has(clientOf(address)) ? clientOf(address) : OTHERS);
  return {
    async waitSeconds({ address, connection }) {
      const [mine, ours, total] = await Promise.all([
        one.get(keyOf(address)),
        isProxied(address, connection) ? proxy.get(clientOf(connection)) : null,
        all.get(ALL),
      ]);
      const allowance = (total?.consumedPoints ?? 0) >= failuresOfAll ? 1 : failures;
      const waits = [
        mine !== null && mine.consumedPoints >= allowance ? mine.msBeforeNext : 0,
        ours !== null && ours.consumedPoints >= failuresOfProxy ? ours.msBeforeNext : 0,
      ];
      return Math.ceil(Math.max(...waits) / 1000);
    },
    async failed({ address, connection }) {
      remembered.add(clientOf(address));
      await Promise.all([
        one.penalty(keyOf(address)),
        isProxied(address, connection) ? proxy.penalty(clientOf(connection)) : null,
        all.penalty(ALL),
      ]);
    },
  };
}

const isProxied = (address: string, connection: string): boolean => clientOf(address) !== clientOf(connection);

/** Up to `most` names, each for `forMs` from its first mention. */
function openRegister(most: number, forMs: number) {
  /** In the order in which they are forgotten. */
  const untils = new Map<string, number>();
  const forget = () => {
    for (const [name, until] of untils) {
      if (until > performance.now()) return;
      untils.delete(name);
    }
  };
  return {
    /** Whether it is, or there is room for it. */
    has(name: string): boolean {
      forget();
      return untils.has(name) || untils.size < most;
    },
    add(name: string): void {
      if (this.has(name) && !untils.has(name)) untils.set(name, performance.now() + forMs);
    },
  };
}

/**
 * Whom an address stands for: in IPv6 a household or a machine has a whole /64. The zone of a link-local address
 * (fe80::1%eth0) is left out, so that all link-local clients, which share fe80::/64, count as one; so does all that is
 * no address at all. Pure.
 */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (isIP(plain) === 0) return 'nowhere';
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
