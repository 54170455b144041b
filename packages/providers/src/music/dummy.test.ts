import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttemptAborted, PermanentError } from '@reelfleet/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dummyMusic } from './dummy.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reelfleet-music-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
async function make(prompt: string, seed: number, seconds: number): Promise<Buffer> {
  const path = join(folder, `${count++}.wav`);
  await dummyMusic.generate({ prompt, seed, seconds }, { path });
  return readFileSync(path);
}

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Both channels, -1..1. */
function samplesOf(wav: Buffer): [Float64Array, Float64Array] {
  const frames = (wav.length - 44) / 4;
  const read = (channel: number): Float64Array =>
    Float64Array.from({ length: frames }, (_, i) => wav.readInt16LE(44 + i * 4 + channel * 2) / 32768);
  return [read(0), read(1)];
}

const peakOf = (signal: Float64Array): number => signal.reduce((peak, x) => Math.max(peak, Math.abs(x)), 0);
const levelOf = (signal: Float64Array): number => Math.sqrt(signal.reduce((sum, x) => sum + x * x, 0) / signal.length);

describe('the built-in musician', () => {
  it('makes the same bytes for the same request, and others for another seed', async () => {
    const [first, again, other] = await Promise.all([
      make('serene harp', 1, 4),
      make('serene harp', 1, 4),
      make('serene harp', 2, 4),
    ]);
    expect(sha(first)).toBe(sha(again));
    expect(sha(first)).not.toBe(sha(other));
  });

  it.each([2, 3.3337, 7])('makes exactly the asked length: %d s', async (seconds) => {
    const wav = await make('waltz', 1, seconds);
    const frames = Math.round(seconds * 44_100);
    expect(wav.length).toBe(44 + frames * 4);
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF');
    expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
    expect([wav.readUInt16LE(20), wav.readUInt16LE(22), wav.readUInt32LE(24), wav.readUInt16LE(34)]).toEqual([
      1, 2, 44_100, 16,
    ]);
    expect(wav.readUInt32LE(40)).toBe(frames * 4);
  });

  it.each([
    ['Elegant waltz with strings, piano, light percussion. Tempo: 120 BPM.', 12],
    ['lo-fi beats with drums', 10],
    ['epic orchestra with taiko', 10],
    ['sleepy music box', 3],
    ['harpsichord and bells, presto', 6],
    ['solo flute', 8],
  ])('sounds clean, begins and ends in silence: %s', async (prompt, seconds) => {
    for (const signal of samplesOf(await make(prompt, 4, seconds))) {
      expect(peakOf(signal)).toBeLessThan(10 ** (-1 / 20));
      expect(Math.abs(signal.reduce((sum, x) => sum + x, 0) / signal.length)).toBeLessThan(0.001);
      let jump = 0;
      for (let i = 1; i < signal.length; i++) jump = Math.max(jump, Math.abs((signal[i] ?? 0) - (signal[i - 1] ?? 0)));
      expect(jump).toBeLessThan(0.4);
      expect(peakOf(signal.subarray(0, 10))).toBeLessThan(0.001);
      expect(peakOf(signal.subarray(-200))).toBe(0);
      // It ends by fading, not by stopping.
      expect(peakOf(signal.subarray(-4410))).toBeLessThan(0.05);
      const second = 44_100;
      for (let at = second; at + second < signal.length - second * 1.5; at += second)
        expect(levelOf(signal.subarray(at, at + second))).toBeGreaterThan(0.008);
      expect(levelOf(signal)).toBeGreaterThan(0.05);
      expect(levelOf(signal)).toBeLessThan(0.3);
    }
  });

  it('stops at once when it is aborted, rethrows the reason and leaves no file', async () => {
    const path = join(folder, 'aborted.wav');
    const controller = new AbortController();
    const reason = new AttemptAborted('lease-lost');
    let reports = 0;
    let abortedAt = 0;
    const work = dummyMusic.generate(
      { prompt: 'long epic', seed: 1, seconds: 3600 },
      {
        path,
        signal: controller.signal,
        report: () => {
          if (++reports !== 1) return;
          abortedAt = performance.now();
          controller.abort(reason);
        },
      },
    );
    await expect(work).rejects.toBe(reason);
    expect(performance.now() - abortedAt).toBeLessThan(2500);
    expect(readdirSync(folder).filter((name) => name.startsWith('aborted'))).toEqual([]);
  });

  it('does not begin when it is already aborted', async () => {
    const reason = new AttemptAborted('cancelled');
    const path = join(folder, 'never.wav');
    await expect(
      dummyMusic.generate({ prompt: '', seed: 1, seconds: 5 }, { path, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    expect(existsSync(path)).toBe(false);
  });

  it('reports progress that only grows, and leaves the event loop free', async () => {
    const fractions: number[] = [];
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const started = performance.now();
    await dummyMusic.generate(
      { prompt: 'strings', seed: 1, seconds: 40 },
      { path: join(folder, 'progress.wav'), report: (fraction) => fractions.push(fraction) },
    );
    clearInterval(timer);
    // A blocked loop would tick once or twice; a busy machine may swallow most ticks, not nearly all.
    expect(ticks).toBeGreaterThan((performance.now() - started) / 10 / 10);
    expect(fractions.length).toBeGreaterThan(3);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  it('refuses a length that is no track, for good', async () => {
    for (const seconds of [0, -1, Number.NaN, 1e9]) {
      await expect(
        dummyMusic.generate({ prompt: '', seed: 1, seconds }, { path: join(folder, 'no.wav') }),
      ).rejects.toThrow(PermanentError);
    }
  });

  it('names the file it could not write', async () => {
    const path = join(folder, 'missing', 'track.wav');
    await expect(dummyMusic.generate({ prompt: '', seed: 1, seconds: 2 }, { path })).rejects.toThrow(path);
  });
});
