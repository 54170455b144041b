/**
 * Guessing a password has to be slow. Failed attempts are counted for each address and for all together; whoever has
 * used up the allowance of its address waits, also with the right password, or guessing would go on unnoticed. Others
 * are let in meanwhile. When the sum says that many addresses guess at once, one failure uses up an address's allowance.
 * Counted in this process: a second server doubles the allowance.
 */
import { isIPv6 } from 'node:net';
import { RateLimiterMemory } from 'rate-limiter-flexible';

export interface ThrottleLimits {
  /** Failures an address has. */
  readonly failures: number;
  /** Failures of all, after which an address has one. */
  readonly failuresOfAll: number;
  readonly windowSeconds: number;
}

/** A person mistypes a few times; a dictionary at ten in a quarter of an hour takes years. */
const LIMITS: ThrottleLimits = { failures: 10, failuresOfAll: 100, windowSeconds: 15 * 60 };

export interface Throttle {
  /** How long this address has to wait before it may try; 0 when it may now. */
  waitSeconds(address: string): Promise<number>;
  /** Count a failed attempt. */
  failed(address: string): Promise<void>;
}

export function openThrottle(limits: ThrottleLimits = LIMITS): Throttle {
  const counter = (points: number) => new RateLimiterMemory({ points, duration: limits.windowSeconds });
  const one = counter(limits.failures);
  const all = counter(limits.failuresOfAll);
  const ALL = 'all';
  return {
    async waitSeconds(address) {
      const [mine, total] = await Promise.all([one.get(clientOf(address)), all.get(ALL)]);
      const allowance = (total?.consumedPoints ?? 0) >= limits.failuresOfAll ? 1 : limits.failures;
      if (mine === null || mine.consumedPoints < allowance) return 0;
      return Math.max(1, Math.ceil(mine.msBeforeNext / 1000));
    },
    async failed(address) {
      await Promise.all([one.penalty(clientOf(address)), all.penalty(ALL)]);
    },
  };
}

/** Whom an address stands for: in IPv6 a household or a machine has a whole /64. Pure. */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}
