/** The providers of the product, and the one place that turns settings into a choice of them. */
import { type ImageProvider, type MusicProvider, type Providers, UserError } from '@reelfleet/core';
import { dummyImage } from './image/dummy.ts';
import { chooseLanguage, type LanguageSettings } from './language/choose.ts';
import { dummyMusic } from './music/dummy.ts';
import { chooseSpeech, type SpeechMachine, type SpeechSettings } from './speech/choose.ts';
import { openWeb } from './web/index.ts';

export { dummyImage } from './image/dummy.ts';
export { builtinLanguage } from './language/builtin.ts';
export { chooseLanguage, type LanguageSettings, languageModel } from './language/choose.ts';
export { findMessages, type Message } from './language/messages.ts';
export { openAiLanguage } from './language/openai.ts';
export { dummyMusic } from './music/dummy.ts';
export { type OpenAiClient, type OpenAiOptions, openAi } from './openai/client.ts';
export { chooseSpeech, type SpeechReport, type SpeechSettings, speechReport } from './speech/choose.ts';
export { openWeb, type WebOptions } from './web/index.ts';

const music: Readonly<Record<string, MusicProvider>> = { dummy: dummyMusic };
const image: Readonly<Record<string, ImageProvider>> = { dummy: dummyImage };

export interface ProviderSettings extends SpeechSettings, LanguageSettings {
  MUSIC_PROVIDER: string;
  IMAGE_PROVIDER: string;
  REELFLEET_ALLOW_PRIVATE_URLS: 'yes' | 'no';
  REELFLEET_IMPORT_MAX_MB: number;
  REELFLEET_IMPORT_MINUTES: number;
}

/** The providers the settings name. A name that is not there is a UserError that says which are. */
export function chooseProviders(settings: ProviderSettings, machine: SpeechMachine): Providers {
  return {
    music: choose('MUSIC_PROVIDER', settings.MUSIC_PROVIDER, music),
    image: choose('IMAGE_PROVIDER', settings.IMAGE_PROVIDER, image),
    language: chooseLanguage(settings),
    speech: chooseSpeech(settings, machine),
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
