import { describe, expect, test } from 'vitest';
import { workingEncoders } from './encoder-trial.ts';
import { bitsFor, encoderFor, encoders, hardwareEncoders } from './encoders.ts';
import { openTools } from './ffmpeg.ts';
import type { Rung } from './ladder.ts';

const rung: Rung = { quality: '720p', width: 1280, height: 720, maxKbits: 3_200, bufferKbit: 6_400 };
const said = (name: string) => encoders.get(name)?.options(rung, 60).join(' ') ?? '';

describe('an encoder', () => {
  test('is the software one, unless a worker announced another for the codec', () => {
    expect(encoderFor('h264').name).toBe('libx264');
    expect(encoderFor('hevc', []).name).toBe('libx265');
    expect(encoderFor('h264', ['hevc_nvenc', 'h264_vaapi', 'h264_nvenc']).name).toBe('h264_vaapi');
    expect(encoderFor('av1', ['h264_nvenc']).name).toBe('libsvtav1');
  });

  test('makes closed groups of exactly so many frames and keeps to the cap, whichever it is', () => {
    for (const name of encoders.keys()) {
      expect(said(name), name).toMatch(/(-g 60|keyint=60)/);
      expect(said(name), name).toMatch(/3200k?\b/);
      expect(said(name), name).toContain(`-c:v ${name}`);
    }
    for (const name of hardwareEncoders) expect(said(name), name).toContain('-force_key_frames expr:not(mod(n,60))');
    for (const name of encoders.keys())
      if (encoders.get(name)?.codec === 'hevc') expect(said(name), name).toContain('-tag:v hvc1');
  });

  test('in software says how many threads it takes, since its bytes depend on them', () => {
    expect(said('libx264')).toContain('-x264-params threads=4');
    expect(said('libx265')).toContain('frame-threads=2');
  });

  test('gets its frames where it wants them', () => {
    expect(encoders.get('h264_vaapi')?.global).toEqual(['-vaapi_device', '/dev/dri/renderD128']);
    expect(encoders.get('h264_vaapi')?.format(8)).toBe('format=nv12,hwupload');
    expect(encoders.get('h264_nvenc')?.format(8)).toBe('format=nv12');
    expect(encoders.get('libx264')?.format(10)).toBe('format=yuv420p');
    expect([bitsFor('h264', 10), bitsFor('hevc', 10), bitsFor('hevc', 8)]).toEqual([8, 10, 8]);
  });
});

test('a worker announces only what one frame got through', async () => {
  const refused: string[] = [];
  const tools = openTools({ threads: 1 });
  // What no machine has, and what this one may have or not.
  const working = await workingEncoders(tools, ['h264_quantum', 'h264_videotoolbox'], (name, error) =>
    refused.push(`${name}: ${error}`),
  );
  expect(refused[0]).toBe('h264_quantum: it is not one this version knows');
  expect([...working, ...refused.map((line) => line.split(':')[0])].sort()).toEqual([
    'h264_quantum',
    'h264_videotoolbox',
  ]);
});
