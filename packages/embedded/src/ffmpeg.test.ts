import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorsOf, installWithApt, missingSentence } from './apt.ts';
import { ensureFfmpeg, findFfmpeg } from './ffmpeg.ts';
import { tiedToParent } from './lifeline.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ffmpeg-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

describe('findFfmpeg', () => {
  it('finds both programs and reads the version', () => {
    program('ffmpeg', 'echo "ffmpeg version n8.0-3 Copyright (c) 2000-2025 the FFmpeg developers"');
    program('ffprobe', 'true');
    expect(findFfmpeg({ PATH: `/nonexistent:${folder}` })).toEqual({
      ffmpeg: join(folder, 'ffmpeg'),
      ffprobe: join(folder, 'ffprobe'),
      version: 'n8.0-3',
    });
  });

  it('takes an ffmpeg without ffprobe, or one that does not start, for none', () => {
    program('ffmpeg', 'exit 127');
    expect(findFfmpeg({ PATH: folder })).toBeNull();
    program('ffprobe', 'true');
    expect(findFfmpeg({ PATH: folder })).toBeNull();
  });
});

describe('ensureFfmpeg', () => {
  it('names the one command for apt, brew and dnf where it may not install', async () => {
    // Without apt-get on the PATH nobody may, not even root.
    const sentence = missingSentence('ffmpeg', { apt: 'ffmpeg', brew: 'ffmpeg', dnf: 'ffmpeg-free' });
    await expect(ensureFfmpeg({ env: { PATH: folder } })).rejects.toThrow(sentence);
    expect(sentence).toBe(
      'ffmpeg is missing: install it with "sudo apt-get install -y ffmpeg" (Debian, Ubuntu), "brew install ffmpeg" (macOS) or "sudo dnf install -y ffmpeg-free" (Fedora)',
    );
  });
});

describe('a Ctrl-C', () => {
  it('while ffmpeg is asked for its version leads to no installation, but to the end', async () => {
    program('ffmpeg', 'kill -INT $$');
    program('ffprobe', 'true');
    program('apt-get', `: > ${join(folder, 'asked')}`);
    const env = { PATH: folder };
    await expect(ensureFfmpeg({ env })).rejects.toThrow('stopped while asking ffmpeg for its version (SIGINT)');
    expect(existsSync(join(folder, 'asked'))).toBe(false);
  });

  it('while apt reads its lists ends it before a package is touched, and apt lives in a group of its own', async () => {
    const stop = new AbortController();
    const said = join(folder, 'said');
    program('apt-get', `echo "$1 $(/usr/bin/cut -d' ' -f5 /proc/$$/stat) $$" >> ${said}`);
    const installing = installWithApt(['ffmpeg'], () => {}, { env: { PATH: folder }, signal: stop.signal });
    stop.abort(new Error('told to stop'));
    await expect(installing).rejects.toThrow('told to stop');
    const [first = '', ...more] = readFileSync(said, 'utf8').trim().split('\n');
    const [command, group, pid] = first.split(' ');
    expect([command, more]).toEqual(['update', []]);
    if (process.platform === 'linux') expect(group).toBe(pid);
  });

  it.runIf(process.platform === 'linux')('while setpriv is tried is no answer: the next one asks again', () => {
    const first = join(folder, 'first');
    program('setpriv', `[ -e ${first} ] && exit 0\n: > ${first}\nkill -INT $$`);
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      expect(tiedToParent('sleep', ['1'], 'SIGKILL')).toEqual({ command: 'sleep', args: ['1'] });
      expect(tiedToParent('sleep', ['1'], 'SIGKILL').command).toBe('setpriv');
    } finally {
      process.env.PATH = before;
    }
  });
});

describe('what apt says', () => {
  it('is cut down to its errors', () => {
    const said =
      'Reading package lists...\nErr:1 http://mirror bookworm InRelease\nW: Some index files failed\nE: Unable to locate package ffmpeg\n';
    expect(errorsOf(said)).toBe('Err:1 http://mirror bookworm InRelease; E: Unable to locate package ffmpeg');
    expect(errorsOf('Done.')).toBe('');
  });
});
