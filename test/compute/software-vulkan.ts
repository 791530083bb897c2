// Finds the software Vulkan that Chromium brings (SwiftShader), so that every kernel runs where no graphics processor is.
//
// Dawn asks the Vulkan loader, and the loader its environment, so both are settled before Dawn is loaded: within this process alone.

import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** glibc keeps a library so opened for good: Node closes again what is no addon of its own. */
const RTLD_NODELETE = 0x1000;

/** Makes it answer as an adapter; false where this machine has none. */
export function provideSoftwareVulkan(): boolean {
  if (process.platform !== 'linux') return false;
  const folder = chromiumFolders().find(each => existsSync(join(each, 'vk_swiftshader_icd.json')));
  if (!folder) return false;
  process.env.VK_DRIVER_FILES = join(folder, 'vk_swiftshader_icd.json');
  process.env.VK_ICD_FILENAMES = process.env.VK_DRIVER_FILES;
  process.env.XDG_RUNTIME_DIR ??= '/tmp';
  const loader = join(folder, 'libvulkan.so.1');
  try {
    // Debian's libvulkan1 may not be there; a library of this name that is loaded already is the one that Dawn finds.
    if (existsSync(loader)) {
      // For processes that this one starts, as `auto` does to ask what there is.
      process.env.LD_LIBRARY_PATH = [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
      process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    }
  } catch {
    // It is loaded, and refused only as it is no addon of Node.
  }
  return true;
}

function chromiumFolders(): string[] {
  const browsers = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'];
  const cache = join(homedir(), '.cache', 'ms-playwright');
  return [
    ...browsers.filter(path => path && existsSync(path)).map(path => dirname(realpathSync(path as string))),
    ...['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'],
    ...(existsSync(cache) ? readdirSync(cache).map(name => join(cache, name, 'chrome-linux')) : []),
  ];
}
