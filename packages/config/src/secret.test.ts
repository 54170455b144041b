import { expect, test } from 'vitest';
import { isLoopback, sameSecret } from './secret.ts';

test.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', 'localhost', 'LocalHost'])(
  '%s is reached from this machine only',
  (host) => expect(isLoopback(host)).toBe(true),
);

test.each([
  '0.0.0.0',
  '::',
  '192.168.1.4',
  '128.0.0.1',
  '::ffff:10.0.0.1',
  'localhost.example.org',
  '127.0.0.1.nip.io',
  '',
])('%s may be reached from elsewhere', (host) => expect(isLoopback(host)).toBe(false));

test('secrets are the same only when every character is, whatever their lengths', () => {
  expect(sameSecret('correct horse', 'correct horse')).toBe(true);
  for (const wrong of ['', 'correct hors', 'correct horse ', 'Correct horse', 'x'.repeat(10_000)])
    expect(sameSecret(wrong, 'correct horse')).toBe(false);
  expect(sameSecret('pässwörd', 'password')).toBe(false);
});
