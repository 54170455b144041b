import { UserError } from '@reelfleet/core';
import { describe, expect, it } from 'vitest';
import { chooseProviders } from './index.ts';

const builtIn = {
  MUSIC_PROVIDER: 'dummy',
  IMAGE_PROVIDER: 'dummy',
  LANGUAGE_PROVIDER: 'builtin',
  REELFLEET_ALLOW_PRIVATE_URLS: 'no',
  REELFLEET_IMPORT_MAX_MB: 1,
  REELFLEET_IMPORT_MINUTES: 1,
} as const;

describe('choosing providers', () => {
  it('answers the built-in ones by their names', () => {
    const { music, image, language } = chooseProviders(builtIn);
    expect([music.name, image.name, language.name]).toEqual(['dummy', 'dummy', 'builtin']);
  });

  it('refuses an unknown name with one sentence that names the variable, what it got and what it takes', () => {
    try {
      chooseProviders({ ...builtIn, IMAGE_PROVIDER: 'constructor' });
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
