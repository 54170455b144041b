/** Which language provider the settings name, and the model that orders are for which name none. */
import { type LanguageProvider, UserError } from '@reelfleet/core';
import { openAi } from '../openai/client.ts';
import { builtinLanguage } from './builtin.ts';
import { openAiLanguage } from './openai.ts';

export interface LanguageSettings {
  LANGUAGE_PROVIDER: string;
  OPENAI_API_KEY?: string | undefined;
  OPENAI_BASE_URL?: string | undefined;
  OPENAI_LANGUAGE_MODEL: string;
}

/** The provider the settings name. A name that is not there is a UserError that says which are. */
export function chooseLanguage(settings: LanguageSettings): LanguageProvider {
  switch (settings.LANGUAGE_PROVIDER) {
    case 'builtin':
      return builtinLanguage;
    case 'openai':
      return openAiLanguage(
        openAi({ apiKey: settings.OPENAI_API_KEY, baseUrl: settings.OPENAI_BASE_URL }),
        settings.OPENAI_LANGUAGE_MODEL,
      );
    default:
      throw new UserError(
        `LANGUAGE_PROVIDER is "${settings.LANGUAGE_PROVIDER}", which is no provider of this build; set it to "builtin" or "openai"`,
        { exitCode: 2 },
      );
  }
}

/** What an order asks that names no model: a config says which model it is for before any worker sees it. */
export const languageModel = (settings: LanguageSettings): string => chooseLanguage(settings).model;
