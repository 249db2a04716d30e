// A Go host through cgo: opens a model, recommends and explains. It builds
// with Go 1.19 and keeps to Go's pointer rules: nothing but scalars, C strings
// and flat slices crosses the border.
package main

/*
#include <stdlib.h>
#include "recs.h"
*/
import "C"

import (
	"fmt"
	"math"
	"os"
	"unsafe"
)

func failed(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "FAILED: "+format+"\n", arguments...)
	os.Exit(1)
}

func check(status C.recs_status, e *C.recs_error, what string) {
	if status != C.RECS_OK {
		failed("%s: %s", what, C.GoString(&e.text[0]))
	}
}

// recommendAll asks every component for every user; scores and reasons agree.
func recommendAll(model *C.recs_model, query *C.recs_query, e *C.recs_error) int {
	answers := 0
	for component := C.uint32_t(0); component < C.recs_model_component_count(model); component++ {
		for user := C.uint32_t(0); user < C.recs_model_users(model); user++ {
			C.recs_query_reset(query)
			C.recs_query_user(query, C.recs_model_user_id(model, user))
			C.recs_query_component(query, C.recs_model_component_name(model, component))
			C.recs_query_limit(query, 5)
			check(C.recs_recommend(model, query, e), e, "recs_recommend")
			count := C.recs_query_count(query)
			for i := C.size_t(0); i < count; i++ {
				check(C.recs_explain(model, query, i, e), e, "recs_explain")
				score := float64(C.recs_query_score(query, i))
				total := 0.0
				for r := C.size_t(0); r < C.recs_query_reason_count(query); r++ {
					total += float64(C.recs_query_reason_contribution(query, r))
				}
				if math.Abs(total-score) > 1e-5*math.Max(1, math.Abs(score)) {
					failed("reasons of %s sum to %g, score is %g",
						C.GoString(C.recs_query_id(query, i)), total, score)
				}
				answers++
			}
		}
	}
	return answers
}

// scoreRows passes Go slices as columns.
func scoreRows(model *C.recs_model, query *C.recs_query, e *C.recs_error) {
	items := int(C.recs_model_items(model))
	rows := make([]C.uint32_t, items)
	scores := make([]C.float, items)
	for i := range rows {
		rows[i] = C.uint32_t(i)
	}
	C.recs_query_reset(query)
	weights := []C.float{1, 2}
	C.recs_query_history_rows(query, &rows[0], &weights[0], nil, 2)
	check(C.recs_score_rows(model, query, &rows[0], C.size_t(items), &scores[0], e), e,
		"recs_score_rows")
	check(C.recs_recommend(model, query, e), e, "recs_recommend")
	for i := C.size_t(0); i < C.recs_query_count(query); i++ {
		row := C.recs_query_row(query, i)
		if scores[row] != C.recs_query_score(query, i) {
			failed("recs_score_rows and recs_recommend differ for row %d", row)
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		failed("usage: foreign MODEL")
	}
	path := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(path))
	var e C.recs_error
	var model *C.recs_model
	var query *C.recs_query
	check(C.recs_model_open(&model, path, nil, nil, &e), &e, "recs_model_open")
	check(C.recs_query_create(&query, nil, &e), &e, "recs_query_create")
	answers := recommendAll(model, query, &e)
	scoreRows(model, query, &e)
	C.recs_query_destroy(query)
	C.recs_model_release(model)
	fmt.Printf("ok: librecs %s through cgo, %d answers explained\n",
		C.GoString(C.recs_version_text()), answers)
}
