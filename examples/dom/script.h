// SPDX-License-Identifier: MIT
// What the scripts of a page do: which nodes get listeners, and what these do when somebody clicks.
#ifndef SCRIPT_H
#define SCRIPT_H

#include "dom.h"
#include "random.h"

// Where all dice of the scripts come from; kept, not copied. Set once, before any script runs.
void script_use_dice(struct dice *dice);

// Runs the scripts of a page that was just loaded: listeners, an observer. What finds no memory is left out.
void script_start(struct document *page);

// Some element of the page below <body> (or its counterpart in a page without one), or NULL if it has none.
struct element *script_pick(struct document *page);

// Replaces what is in [element] with a few new nodes.
bool script_rewrite(struct element *element);

#endif
