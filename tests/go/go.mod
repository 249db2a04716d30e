module librecs.test/foreign

go 1.19
