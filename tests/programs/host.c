// SPDX-License-Identifier: MIT
// Loads all plugins that are named, and then runs them, one after the other.
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **files) {
    void *plugin[16];
    for (int i = 1; i < count && i < 16; i++) {
        plugin[i] = dlopen(files[i], RTLD_NOW);
        if (!plugin[i]) {
            puts(dlerror());
            return 1;
        }
    }
    for (int i = 1; i < count && i < 16; i++) {
        size_t (*run)(void) = (size_t (*)(void))dlsym(plugin[i], "plugin_run");
        printf("%zu%c", run ? run() : 0, i + 1 < count ? ' ' : '\n');
    }
    return 0;
}
