import { UserError } from '@reelfleet/core';
import { describe, expect, it } from 'vitest';
import { chooseProviders } from './index.ts';

const machine = { run: () => Promise.reject(new Error('nothing is run')), threads: 1, env: {} };
const builtIn = {
  MUSIC_PROVIDER: 'dummy',
  IMAGE_PROVIDER: 'dummy',
  LANGUAGE_PROVIDER: 'builtin',
  OPENAI_SPEECH_MODEL: 'whisper-1',
  OPENAI_LANGUAGE_MODEL: 'a-model',
  REELFLEET_ALLOW_PRIVATE_URLS: 'no',
  REELFLEET_IMPORT_MAX_MB: 1,
  REELFLEET_IMPORT_MINUTES: 1,
} as const;

describe('choosing providers', () => {
  it('answers the built-in ones by their names', () => {
    const { music, image, language } = chooseProviders(builtIn, machine);
    expect([music.name, image.name, language.name]).toEqual(['dummy', 'dummy', 'builtin']);
  });

  it('refuses an unknown name with one sentence that names the variable, what it got and what it takes', () => {
    try {
      chooseProviders({ ...builtIn, IMAGE_PROVIDER: 'constructor' }, machine);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      expect(error).toMatchObject({
        exitCode: 2,
        message: 'IMAGE_PROVIDER is "constructor", which is no provider of this build; set it to "dummy"',
      });
    }
  });
});
