import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { redisMissing, startRedis, withRedis } from './redis.ts';

/** One command, one reply line; rejects after `timeoutMs` or when the connection fails. */
function ask(port: number, command: string, timeoutMs = 2000): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('data', (data) => {
      socket.destroy();
      done(data.toString().trim());
    });
    socket.once('error', fail);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
  });
}

describe.skipIf(redisMissing() !== null)(withRedis('startRedis'), () => {
  it('loses every byte to a kill and comes back empty on the same port', async () => {
    const redis = await startRedis();
    if (redis === null) throw new Error('redis-server was there a moment ago');
    expect(await ask(redis.port, 'SET word kept')).toBe('+OK');
    await redis.kill();
    await expect(ask(redis.port, 'PING')).rejects.toThrow();
    await redis.restart();
    expect(await ask(redis.port, 'EXISTS word')).toBe(':0');
  });

  it('accepts connections while paused and answers none, until it resumes', async () => {
    const redis = await startRedis();
    if (redis === null) throw new Error('redis-server was there a moment ago');
    redis.pause();
    await expect(ask(redis.port, 'PING', 100)).rejects.toThrow('no answer');
    redis.resume();
    expect(await ask(redis.port, 'PING')).toBe('+PONG');
  });
});

describe('where redis-server is missing', () => {
  it('starts nothing and names the suite with the command that installs it', async () => {
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      expect(await startRedis()).toBeNull();
      expect(withRedis('tickets')).toMatch(
        /^tickets \(skipped: redis-server is missing: install it with ".* install .*redis/,
      );
    } finally {
      process.env.PATH = path;
    }
  });
});
