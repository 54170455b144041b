/** The providers of the product, and the one place that turns settings into a choice of them. */
import {
  type ImageProvider,
  type LanguageProvider,
  type MusicProvider,
  type Providers,
  UserError,
} from '@reelfleet/core';
import { dummyImage } from './image/dummy.ts';
import { builtinLanguage } from './language/builtin.ts';
import { dummyMusic } from './music/dummy.ts';
import { openWeb } from './web/index.ts';

export { dummyImage } from './image/dummy.ts';
export { builtinLanguage } from './language/builtin.ts';
export { dummyMusic } from './music/dummy.ts';
export { openWeb, type WebOptions } from './web/index.ts';

const music: Readonly<Record<string, MusicProvider>> = { dummy: dummyMusic };
const image: Readonly<Record<string, ImageProvider>> = { dummy: dummyImage };
const language: Readonly<Record<string, LanguageProvider>> = { builtin: builtinLanguage };

export interface ProviderSettings {
  MUSIC_PROVIDER: string;
  IMAGE_PROVIDER: string;
  LANGUAGE_PROVIDER: string;
  REELFLEET_ALLOW_PRIVATE_URLS: 'yes' | 'no';
  REELFLEET_IMPORT_MAX_MB: number;
  REELFLEET_IMPORT_MINUTES: number;
}

/** The providers the settings name. A name that is not there is a UserError that says which are. */
export function chooseProviders(settings: ProviderSettings): Providers {
  return {
    music: choose('MUSIC_PROVIDER', settings.MUSIC_PROVIDER, music),
    image: choose('IMAGE_PROVIDER', settings.IMAGE_PROVIDER, image),
    language: choose('LANGUAGE_PROVIDER', settings.LANGUAGE_PROVIDER, language),
    web: openWeb({
      allowPrivate: settings.REELFLEET_ALLOW_PRIVATE_URLS === 'yes',
      maxBytes: settings.REELFLEET_IMPORT_MAX_MB * 1_000_000,
      maxMs: settings.REELFLEET_IMPORT_MINUTES * 60_000,
    }),
  };
}

function choose<T>(variable: string, wanted: string, available: Readonly<Record<string, T>>): T {
  const provider = Object.hasOwn(available, wanted) ? available[wanted] : undefined;
  if (provider) return provider;
  const names = Object.keys(available).map((name) => `"${name}"`);
  throw new UserError(
    `${variable} is "${wanted}", which is no provider of this build; set it to ${names.join(' or ')}`,
    { exitCode: 2 },
  );
}
