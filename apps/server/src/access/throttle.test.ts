import { describe, expect, it } from 'vitest';
import { clientOf, openThrottle, type ThrottleLimits } from './throttle.ts';

const direct = (address: string) => ({ address, connection: address });
const proxied = (address: string) => ({ address, connection: '127.0.0.1' });

/** Fails so often, and says whether the next attempt must wait. */
function openGuesser(limits: Partial<ThrottleLimits> = {}) {
  const throttle = openThrottle(limits);
  return {
    fail: (caller: ReturnType<typeof direct>) => throttle.failed(caller),
    waits: async (caller: ReturnType<typeof direct>) => (await throttle.waitSeconds(caller)) > 0,
  };
}

describe('failures are counted', () => {
  it('from many addresses: each then has one, a household one for all its addresses', async () => {
    const { fail, waits } = openGuesser();
    for (let i = 0; i < 100; i++) await fail(direct(`2001:db8:0:${i.toString(16)}::${i + 1}`));
    expect(await waits(direct('2001:db8:1::1'))).toBe(false);
    await fail(direct('2001:db8:1::1'));
    expect(await waits(direct('2001:db8:1::2'))).toBe(true);
    expect(await waits(direct('2001:db8:2::1'))).toBe(false);
  });

  it('by the proxy as well, whose clients share them', async () => {
    const { fail, waits } = openGuesser({ failuresOfProxy: 3 });
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      expect(await waits(proxied('192.0.2.9'))).toBe(false);
      await fail(proxied(address));
    }
    expect(await waits(proxied('192.0.2.9'))).toBe(true);
    expect(await waits({ address: '192.0.2.9', connection: '::ffff:127.0.0.1' })).toBe(true);
    expect(await waits(direct('127.0.0.1'))).toBe(false);
  });

  it('for so many addresses and no more: all others share an allowance, until the window has passed', async () => {
    const { fail, waits } = openGuesser({ addresses: 2, failures: 2, windowSeconds: 1 });
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) await fail(direct(address));
    expect(await waits(direct('192.0.2.1'))).toBe(false);
    expect(await waits(direct('192.0.2.5'))).toBe(true);
    await expect.poll(() => waits(direct('192.0.2.5')), { timeout: 5_000 }).toBe(false);
    await fail(direct('192.0.2.5'));
    await fail(direct('192.0.2.6'));
    expect(await waits(direct('192.0.2.5'))).toBe(false);
  });
});

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['fe80::2%eth1', 'fe80:0:0:0::/64'],
  ['unknown', 'nowhere'],
  ['x'.repeat(10_000), 'nowhere'],
])('%.40s stands for %s', (address, client) => expect(clientOf(address)).toBe(client));
