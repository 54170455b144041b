/** Who asks: the client library, and its HTTP client with the right credentials on it. */
import { readFile } from 'node:fs/promises';
import type { Storage as Library } from '@google-cloud/storage';
import { messageOf } from '@reelfleet/core';
import type { AuthClient, GoogleAuth, JWTInput } from 'google-auth-library';
import { GcsFailure } from './gcs-errors.ts';

/** All that objects need; the library's own default would be allowed everything in the project. */
const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_write';

/** Loads the library (a sixth of a second) and opens it. Reads the key file, connects to nothing. */
export async function openLibrary(
  apiEndpoint: string | undefined,
  keyFile: string | undefined,
): Promise<{ library: Library; caller: Pick<AuthClient, 'request'> }> {
  const { Storage: LibraryStorage } = await import('@google-cloud/storage');
  const library = new LibraryStorage({
    ...(apiEndpoint === undefined ? {} : { apiEndpoint }),
    ...(keyFile === undefined ? {} : { authClient: await authOf(keyFile) }),
  });
  if (apiEndpoint === undefined) return { library, caller: library.authClient };
  // An emulator knows nobody, and asking for credentials would look for them on the network.
  const { PassThroughClient } = await import('google-auth-library');
  return { library, caller: new PassThroughClient() };
}

/** Credentials from a file. Those of a service account are put together here: the library's option for it is deprecated. */
async function authOf(keyFile: string): Promise<GoogleAuth> {
  const { GoogleAuth: Auth, JWT } = await import('google-auth-library');
  const key = await readKey(keyFile);
  if (key.type !== 'service_account') return new Auth({ keyFilename: keyFile, scopes: SCOPE });
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = key;
  if (!email || !privateKey) throw new GcsFailure('credentials', `${keyFile} has no client_email or no private_key`);
  const auth = new Auth({
    authClient: new JWT({ email, key: privateKey, ...(keyId ? { keyId } : {}), scopes: SCOPE }),
  });
  // Signing a link asks for the account's name here.
  auth.jsonContent = key;
  return auth as unknown as GoogleAuth;
}

async function readKey(keyFile: string): Promise<JWTInput> {
  try {
    return JSON.parse(await readFile(keyFile, 'utf8')) as JWTInput;
  } catch (error) {
    // Not the parser's own words: they quote the file.
    const why = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error);
    throw new GcsFailure('credentials', `the key file ${keyFile} cannot be read: ${why}`);
  }
}
