// SPDX-License-Identifier: MIT
// A stock of parts, for what containers do in one call: rows of values, searching by a test, maps that take in others and
// give out their keys, values that are an object or a number. What fails for memory changes nothing and could be repeated;
// here it ends the program.
#include <refcyc/refcyc.h>
#include <stdio.h>
#include <stdlib.h>

// A remark is a text or a number.
struct remark {
    enum { NUMBER, TEXT } is;
    union {
        double number;
        struct rc_string *text;
    } as;
};

static bool remark_has_links(const void *element) {
    return ((const struct remark *)element)->is == TEXT;
}

static RC_ELEMENT(remark, struct remark, .slots = RC_SLOTS(RC_LINK(struct remark, as.text)), .has_links = remark_has_links);

static void *need(void *p) {
    if (!p) {
        perror("stock");
        exit(1);
    }
    return p;
}

static bool is_above(const void *element, void *limit) {
    return *(const double *)element > *(const double *)limit;
}

static bool is_text(const void *element, void *arg) {
    (void)arg;
    return ((const struct remark *)element)->is == TEXT;
}

// Of each part so many pieces, by name. A handle.
static struct rc_map *stock_new(const char *name, int pieces) {
    struct rc_map *stock = need(rc_map_new(&rc_string_element, &rc_int_element));
    struct rc_string *key = need(rc_string_new(name));
    if (!rc_map_put(stock, &key, &pieces))
        need(NULL);
    rc_release(key);
    return stock;
}

static void prices(void) {
    struct rc_array *array = need(rc_array_new(&rc_double_element));
    if (!rc_array_push_values(array, (double[]){2.5, 40, 7.25}, 3) || !rc_array_insert_values(array, 1, (double[]){11}, 1))
        need(NULL);
    size_t dear = rc_array_find_if(array, 0, is_above, &(double){10});
    printf("%zu prices, the first above 10 is number %zu\n", rc_array_size(array), dear);
    rc_release(array);
}

static void parts(void) {
    struct rc_map *stock = stock_new("wheel", 4), *delivery = stock_new("axle", 2);
    if (!rc_map_put_all(stock, delivery))
        need(NULL);
    struct rc_array *names = need(rc_map_keys(stock)), *pieces = need(rc_map_values(stock));
    for (size_t i = 0; i < rc_array_size(names); i++)
        printf("%s: %d\n", rc_string_text(rc_array_get(names, i)), *(int *)rc_array_at(pieces, i));
    struct rc_string *name = rc_array_get(names, 0), *taken; // borrowed; a handle
    int n;
    if (rc_map_take_entry(stock, &name, &taken, &n)) {
        printf("%s is out of stock, %d pieces\n", rc_string_text(taken), n);
        rc_release(taken);
    }
    printf("%s\n", rc_map_find_key(stock, &name) ? "still there" : "no entry is left of it");
    printf("%s came last\n", rc_string_text(rc_array_last(names)));
    rc_release(names);
    rc_release(pieces);
    rc_release(stock);
    rc_release(delivery);
}

static void remarks(void) {
    struct rc_list *list = need(rc_list_new(&remark_element));
    struct remark number = {NUMBER, {.number = 1.5}}, text = {TEXT, {.text = need(rc_string_new("fragile"))}};
    if (rc_list_is_none(rc_list_insert_value(list, RC_LIST_NONE, &number)) ||
        rc_list_is_none(rc_list_insert_value(list, RC_LIST_NONE, &text)))
        need(NULL);
    rc_release(text.as.text); // the list has a link of its own
    struct rc_list_iter it = rc_list_iter(list);
    while (rc_list_step(&it) == RC_ITER_ITEM) {
        const struct remark *r = it.element;
        if (r->is == NUMBER)
            printf("remark: %g\n", r->as.number);
        else
            printf("remark: %s\n", rc_string_text(r->as.text));
    }
    struct rc_list_pos at = rc_list_find_if(list, RC_LIST_NONE, is_text, NULL);
    printf("a text is %s\n", rc_list_is_none(at) ? "not among them" : "among them");
    rc_release(list);
}

static void colours(void) {
    struct rc_set *set = need(rc_set_new(&rc_int_element));
    for (int i = 0; i < 6; i++)
        if (!rc_set_add(set, &(int){i % 3}))
            need(NULL);
    struct rc_array *members = need(rc_set_members(set));
    printf("%zu colours\n", rc_array_size(members));
    rc_release(members);
    rc_release(set);
}

int main(void) {
    prices();
    parts();
    remarks();
    colours();
    return rc_heap_free(rc_heap_default()) != 0;
}
