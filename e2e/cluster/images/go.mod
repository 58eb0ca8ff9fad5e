module causeway.test/cluster/images

go 1.26
