import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorsOf, missingSentence } from './apt.ts';
import { ensureFfmpeg, findFfmpeg } from './ffmpeg.ts';

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

describe('what apt says', () => {
  it('is cut down to its errors', () => {
    const said =
      'Reading package lists...\nErr:1 http://mirror bookworm InRelease\nW: Some index files failed\nE: Unable to locate package ffmpeg\n';
    expect(errorsOf(said)).toBe('Err:1 http://mirror bookworm InRelease; E: Unable to locate package ffmpeg');
    expect(errorsOf('Done.')).toBe('');
  });
});
