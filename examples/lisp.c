// SPDX-License-Identifier: MIT
// A small interpreter, made of containers: a list of the language is an rc_array, a symbol an interned rc_string, a number
// an rc_box, a scope an rc_map. Nobody here writes a loop that frees elements, and nobody breaks the cycles: a function
// refers to the scope it was made in, and that scope, by the function's name, to the function.
//
// How often each expression was evaluated is kept in a weak map: the expressions know nothing of it, and where code is
// redefined its counts go with it, although each count refers back to the expression it is about.
#include <ctype.h>
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scope {
    struct rc_map *names; // symbol -> value
    struct scope *outer;
};

struct function {
    struct rc_array *parameters, *body;
    struct scope *scope;
};

struct count {
    struct rc_array *expression;
    long times;
};

static RC_TYPE(scope, struct scope, .slots = RC_SLOTS(RC_LINK(struct scope, names), RC_LINK(struct scope, outer)));
static RC_TYPE(function, struct function,
               .slots = RC_SLOTS(RC_LINK(struct function, parameters), RC_LINK(struct function, body),
                                 RC_LINK(struct function, scope)));
static RC_TYPE(count, struct count, .slots = RC_SLOTS(RC_LINK(struct count, expression)));

static struct rc_weak_map *counts; // expression -> struct count

static void *need(void *p) {
    if (!p) {
        perror("lisp");
        exit(1);
    }
    return p;
}

// ---- reading: each function returns a handle

static void *number_new(double number) {
    return need(rc_box_new(&rc_double_element, &number));
}

static void *read_expression(const char **text) {
    while (isspace((unsigned char)**text))
        ++*text;
    if (**text == '(') {
        struct rc_array *list = need(rc_array_new(&rc_link_element));
        for (++*text; **text && **text != ')';) {
            void *element = read_expression(text);
            rc_array_push(list, element);
            rc_release(element);
            while (isspace((unsigned char)**text))
                ++*text;
        }
        *text += **text == ')';
        return list;
    }
    char *end;
    double number = strtod(*text, &end);
    if (end != *text) {
        *text = end;
        return number_new(number);
    }
    size_t length = strcspn(*text, "() \n");
    struct rc_string *symbol = need(rc_string_intern_bytes(*text, length));
    *text += length;
    return symbol;
}

// ---- evaluating

static struct scope *scope_new(struct scope *outer) {
    struct scope *scope = need(rc_new(&scope_type));
    struct rc_map *names = need(rc_map_new(&rc_string_element, &rc_link_element));
    rc_give(&scope->names, names);
    rc_set(&scope->outer, outer);
    return scope;
}

static void count_up(struct rc_array *expression) {
    struct count *count = rc_weak_map_get(counts, expression);
    if (count) {
        count->times++;
        return;
    }
    struct count *first = need(rc_new(&count_type));
    first->times = 1;
    rc_set(&first->expression, expression);
    rc_weak_map_put(counts, expression, first);
    rc_release(first); // the map keeps it
}

static void *evaluate(void *expression, struct scope *scope);

static double number_of(void *expression, struct scope *scope) {
    struct rc_box *value = evaluate(expression, scope);
    double number = rc_is_a(value, &rc_box_type) ? *(double *)rc_box_value(value) : 0;
    rc_release(value);
    return number;
}

static void *look_up(struct rc_string *symbol, struct scope *scope) {
    for (; scope; scope = scope->outer) {
        void **value = rc_map_find(scope->names, &symbol);
        if (value)
            return rc_retain(*value);
    }
    fprintf(stderr, "lisp: no %s here\n", rc_string_text(symbol));
    exit(1);
}

static void *call(struct rc_array *expression, struct scope *scope) {
    struct function *f = evaluate(rc_array_get(expression, 0), scope);
    if (!rc_is_a(f, &function_type)) {
        fprintf(stderr, "lisp: this is no function\n");
        exit(1);
    }
    struct scope *inside = scope_new(f->scope);
    for (size_t i = 0; i < rc_array_size(f->parameters); i++) {
        void *argument = evaluate(rc_array_get(expression, i + 1), scope);
        rc_map_set(inside->names, &(struct rc_string *){rc_array_get(f->parameters, i)}, argument);
        rc_release(argument);
    }
    void *result = evaluate(f->body, inside);
    rc_release(inside);
    rc_release(f);
    return result;
}

// The value, with a handle.
static void *evaluate(void *expression, struct scope *scope) {
    if (rc_is_a(expression, &rc_string_type))
        return look_up(expression, scope);
    if (!rc_is_a(expression, &rc_array_type) || rc_array_size(expression) == 0)
        return rc_retain(expression);
    struct rc_array *list = expression;
    count_up(list);
    void *first = rc_array_get(list, 0), *second = rc_array_get(list, 1), *third = rc_array_get(list, 2);
    const char *word = rc_is_a(first, &rc_string_type) ? rc_string_text(first) : "";
    if (strcmp(word, "define") == 0) {
        void *value = evaluate(third, scope);
        rc_map_set(scope->names, &second, value);
        return value;
    }
    if (strcmp(word, "fn") == 0) {
        struct function *f = need(rc_new(&function_type));
        rc_set(&f->parameters, second);
        rc_set(&f->body, third);
        rc_set(&f->scope, scope);
        return f;
    }
    if (strcmp(word, "if") == 0)
        return evaluate(number_of(second, scope) != 0 ? third : rc_array_get(list, 3), scope);
    if (strcmp(word, "+") == 0)
        return number_new(number_of(second, scope) + number_of(third, scope));
    if (strcmp(word, "-") == 0)
        return number_new(number_of(second, scope) - number_of(third, scope));
    if (strcmp(word, "<") == 0)
        return number_new(number_of(second, scope) < number_of(third, scope));
    return call(list, scope);
}

static void run(const char *text, struct scope *scope) {
    void *expression = read_expression(&text), *value = evaluate(expression, scope);
    if (rc_is_a(value, &rc_box_type))
        printf("%g\n", *(double *)rc_box_value(value));
    rc_release(value);
    rc_release(expression);
}

int main(void) {
    struct scope *global = scope_new(NULL);
    counts = need(rc_weak_map_new());
    run("(define fib (fn (n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))))", global);
    run("(fib 15)", global);
    run("(define adder (fn (n) (fn (m) (+ n m))))", global);
    run("((adder 40) 2)", global);
    printf("collected: %zu\n", rc_collect()); // scopes of calls that are over
    printf("expressions with a count: %zu\n", rc_weak_map_size(counts));
    run("(define fib 0)", global); // its code is garbage now, in a cycle with its counts
    rc_collect();
    printf("after fib was redefined: %zu\n", rc_weak_map_size(counts));
    rc_release(counts);
    rc_release(global);
    rc_collect();
    return rc_heap_free(rc_heap_default()) != 0;
}
